"""O5: an issuer behind a private CA, behind an egress proxy, and the causes of failures in words."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from support.certificates import DAY, PrivateCa

from core.secret import Secret
from upstreams.http.fetch import Fetcher, FetchFailed

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def ca(tmp_path_factory) -> PrivateCa:
    return PrivateCa(tmp_path_factory.mktemp("ca"))


@asynccontextmanager
async def serving(answer, context=None):
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def document(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
    await writer.drain()
    writer.close()


class Proxy:
    """A proxy that tunnels, and notes the heads of the requests to itself."""

    def __init__(self, refusal: bytes = b""):
        self.heads = []
        self.refusal = refusal

    async def __call__(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self.refusal:
            writer.write(self.refusal)
            writer.close()
            return
        host, port = head.split(b" ")[1].decode().rsplit(":", 1)
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))


async def pump(reader, writer):
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
    finally:
        writer.close()


async def fetched(url: str, **way) -> bytes:
    fetcher = Fetcher(**way)
    try:
        return await fetcher.get(url, seconds=5)
    finally:
        await fetcher.aclose()


async def test_o5_an_issuer_behind_a_private_ca_is_fetched_with_its_ca_file(ca):
    async with serving(document, ca.context()) as port:
        assert await fetched(f"https://127.0.0.1:{port}/", ca_file=ca.ca_file) == b"{}"


@pytest.mark.parametrize(
    "address, ends, is_known, cause",
    [
        ("127.0.0.1", DAY, False, "TLS: .*unknown CA"),
        ("127.0.0.2", DAY, True, "TLS: .*another host name"),
        ("127.0.0.1", -DAY, True, "TLS: .*has expired"),
    ],
)
async def test_o5_a_failed_handshake_with_an_issuer_names_its_cause(ca, address, ends, is_known, cause):
    async with serving(document, ca.context(address, ends)) as port:
        with pytest.raises(FetchFailed, match=cause):
            await fetched(f"https://127.0.0.1:{port}/", ca_file=ca.ca_file if is_known else None)


async def test_o5_an_issuer_is_fetched_through_the_proxy(ca):
    proxy = Proxy()
    async with serving(document, ca.context()) as port, serving(proxy) as way:
        address = Secret(f"http://reader:Secr3t%23@127.0.0.1:{way}")
        assert await fetched(f"https://127.0.0.1:{port}/", ca_file=ca.ca_file, proxy=address) == b"{}"

    assert proxy.heads[0].startswith(b"CONNECT 127.0.0.1:%d " % port)
    assert b"proxy-authorization: basic " in proxy.heads[0].lower()


async def test_o5_a_proxy_that_refuses_or_is_away_is_named_without_its_password(ca):
    refusing = Proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
    async with serving(refusing) as way:
        with pytest.raises(FetchFailed) as refused:
            await fetched("https://127.0.0.1:1/", proxy=Secret(f"http://reader:Secr3t@127.0.0.1:{way}"))
    with pytest.raises(FetchFailed) as away:
        await fetched("https://127.0.0.1:1/", proxy=Secret("http://reader:Secr3t@127.0.0.1:9"))

    assert str(refused.value) == "the proxy refuses the connection: status 407 (through the proxy)"
    assert str(away.value) == "cannot be reached (through the proxy)"


async def test_o5_the_environment_names_no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(document) as port:
        assert await fetched(f"http://127.0.0.1:{port}/") == b"{}"


async def test_an_unknown_host_is_named():
    with pytest.raises(FetchFailed, match=r"^unknown host name$"):
        await fetched("https://login.invalid/")
