"""O5: vendors behind a private certificate authority, and behind a proxy."""

import asyncio
import ssl
from contextlib import asynccontextmanager

import pytest
from support.certificates import PrivateCa

from core.clock import Clock, Deadline
from core.errors import Doubt
from core.secret import Secret
from upstreams.http.http1 import ExchangeBounds
from upstreams.http.limits import Limits
from upstreams.http.network import Network
from upstreams.http.request import HttpRequest
from upstreams.http.transport import Transport
from upstreams.http.transport_errors import Meaning, TransportFault
from upstreams.vendors.cplugin.commands.idempotent_write import RepeatWindow

pytestmark = pytest.mark.anyio
BOUNDS = ExchangeBounds(5.0, 5.0, 1000)
READ, WRITE = HttpRequest("GET", "/thing"), HttpRequest("DELETE", "/thing", writes=True)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def serving(serve, context: ssl.SSLContext | None = None):
    """A server with this function for each connection. Yields its port. Its connections end with it."""
    tasks, writers = [], []

    async def connected(reader, writer):
        tasks.append(asyncio.current_task())
        writers.append(writer)
        await serve(reader, writer, writers)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def vendor(context: ssl.SSLContext | None = None):
    """Answers every request."""

    async def serve(reader, writer, _writers):
        while await reader.read(65536):
            writer.write(OK)

    return serving(serve, context)


@asynccontextmanager
async def proxy(status: bytes = b"200 OK"):
    """A proxy that knows CONNECT. Yields its port and the heads of what it was asked."""
    heads: list[bytes] = []

    async def pump(reader, writer):
        while chunk := await reader.read(65536):
            writer.write(chunk)
        writer.close()

    async def serve(reader, writer, writers):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
        if status.startswith(b"200"):
            host, port = heads[-1].split()[1].rsplit(b":", 1)
            far_reader, far_writer = await asyncio.open_connection(host.decode(), int(port))
            writers.append(far_writer)
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    async with serving(serve) as port:
        yield port, heads


@asynccontextmanager
async def transport(**network):
    found = Transport(Limits(), Network(**network))
    try:
        yield found
    finally:
        await found.aclose()


@pytest.mark.parametrize("request_", [READ, WRITE], ids=["read", "write"])
async def test_o5_a_private_authority_is_trusted_only_where_the_settings_name_it(tmp_path, request_):
    ca = PrivateCa(tmp_path)
    async with vendor(ca.context()) as port, transport(ca_file=ca.ca_file) as trusting, transport() as strict:
        url = f"https://127.0.0.1:{port}/thing"
        answer = await trusting.exchange(request_, url, BOUNDS, lane="")
        with pytest.raises(TransportFault) as refused:
            await strict.exchange(request_, url, BOUNDS, lane="")

    assert (answer.status, answer.body) == (200, b"{}")
    assert (refused.value.meaning, refused.value.sent) == (Meaning.UNREACHABLE, False)
    assert refused.value.detail.startswith("TLS: the certificate is signed by an unknown CA")


@pytest.mark.parametrize("request_", [READ, WRITE], ids=["read", "write"])
async def test_o5_requests_go_through_the_proxy_of_the_settings(tmp_path, request_):
    ca = PrivateCa(tmp_path)
    async with vendor(ca.context()) as port, proxy() as (proxy_port, heads):
        address = Secret(f"http://me:pass@127.0.0.1:{proxy_port}")
        async with transport(ca_file=ca.ca_file, proxy=address) as through:
            answer = await through.exchange(request_, f"https://127.0.0.1:{port}/thing", BOUNDS, lane="")

    assert (answer.status, answer.body) == (200, b"{}")
    assert [head.startswith(f"CONNECT 127.0.0.1:{port} ".encode()) for head in heads] == [True]
    assert b"proxy-authorization: basic " in heads[0].lower()


async def test_o5_a_write_that_the_proxy_refuses_was_not_sent():
    async with (
        proxy(b"407 Proxy Authentication Required") as (port, heads),
        transport(proxy=Secret(f"http://127.0.0.1:{port}")) as through,
    ):
        with pytest.raises(TransportFault) as refused:
            await through.exchange(WRITE, "https://vendor.example.com/thing", BOUNDS, lane=None)

    assert len(heads) == 1
    assert (refused.value.meaning, refused.value.sent) == (Meaning.UNREACHABLE, False)


async def test_o5_behind_a_proxy_a_lost_write_is_not_repeated():
    clock = Clock()
    budget = Deadline.after(60, clock)
    direct, behind = (RepeatWindow(clock, Limits(), budget, arrival_is_bounded=bounded) for bounded in (True, False))
    for window in (direct, behind):
        window.note_doubt(Doubt.LOST, clock.monotonic())

    assert not direct.closed_after(0.0)
    assert behind.closed_after(0.0)


@pytest.mark.parametrize(
    "proxy_address, is_good",
    [
        ("http://proxy.example.com:3128", True),
        ("http://me:p%40ss@proxy.example.com:3128/", True),
        ("proxy.example.com:3128", False),
        ("ftp://proxy.example.com", False),
        ("http://proxy.example.com:x", False),
        ("http://proxy.example.com/path", False),
        ("http://me:p%40ss@proxy.example.com/path", False),
        ("ftp://me:p%40ss@proxy.example.com", False),
        ("me:p%40ss@proxy.example.com", False),
    ],
)
def test_o5_the_address_of_a_proxy_is_checked(proxy_address, is_good):
    problem = Network(proxy=Secret(proxy_address)).problem()

    assert (problem is None) is is_good
    assert "p%40ss" not in str(problem)
