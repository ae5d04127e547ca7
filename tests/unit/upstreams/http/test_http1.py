"""The transport for small reads, over real sockets, with httpx's own transport as its witness: both must find the same
answer in the same bytes, and mean the same by the same failure.
"""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from upstreams.http.http1 import AnswerTooLarge, ExchangeBounds, Http1Transport, encode_request
from upstreams.http.transport_errors import Meaning, meaning_of

pytestmark = pytest.mark.anyio

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
KEEP_SECONDS = 4.0


class Vendor:
    """Plays a script for each request; counts connections, and notes when one is closed by the other side."""

    def __init__(self, script: Script, *, then: str = "wait") -> None:
        self._script = script
        self._then = then
        self.connections = 0
        self.requests: list[bytes] = []
        self.asked, self.left = asyncio.Event(), asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.url = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.append(asyncio.current_task())
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                self.asked.set()
                await self._script(reader, writer)
                if self._then == "close":
                    break
                if self._then == "reset":
                    writer.transport.abort()
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            self.left.set()
        finally:
            writer.close()


def says(*parts: bytes, pause: float = 0.0) -> Script:
    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return script


@asynccontextmanager
async def vendor(script: Script, *, then: str = "wait", context: ssl.SSLContext | None = None) -> AsyncIterator[Vendor]:
    playing = Vendor(script, then=then)
    server = await asyncio.start_server(playing, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    playing.url = f"{'https' if context else 'http'}://localhost:{port}"
    try:
        yield playing
    finally:
        server.close()
        for task in playing.tasks:
            task.cancel()
        await asyncio.gather(*playing.tasks, return_exceptions=True)


class Small(httpx.AsyncBaseTransport):
    """Our transport behind httpx's interface, so that both transports take the same requests."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.transport = Http1Transport(context, keep_alive_seconds=KEEP_SECONDS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url, told = request.url, request.extensions
        target = told.get("target", url.raw_path)
        status, headers, body = await self.transport.exchange(
            (url.scheme, url.host, url.port),
            encode_request(request.method, target, request.headers.raw, await request.aread()),
            ExchangeBounds(told["timeout"]["read"], told["total"], told["max_bytes"]),
            connect_seconds=told["timeout"]["connect"],
            lane=told.get("lane", ""),
        )
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body), request=request)

    async def aclose(self) -> None:
        await self.transport.aclose()


@asynccontextmanager
async def small(**more) -> AsyncIterator[Small]:
    transport = Small(more.pop("context", ssl.create_default_context()))
    try:
        yield transport
    finally:
        await transport.aclose()


def request_to(url: str, *, read: float = 2.0, connect: float = 2.0, total: float = 3.0, most: int = 1000, **more):
    timeout = {"connect": connect, "read": read, "write": 2.0, "pool": 2.0}
    extensions = {"timeout": timeout, "total": total, "max_bytes": most}
    return httpx.Request("GET", f"{url}/thing", extensions=extensions, **more)


async def answered(transport: httpx.AsyncBaseTransport, request: httpx.Request):
    response = await transport.handle_async_request(request)
    body = b"".join([chunk async for chunk in response.stream])
    await response.aclose()
    return response.status_code, [(name.lower(), value) for name, value in response.headers.raw], body


ANSWERS = {
    "with a length": (says(OK), "wait"),
    "in pieces": (says(OK[:9], OK[9:30], OK[30:-1], OK[-1:], pause=0.01), "wait"),
    "chunked": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b"1\r\n}\r\n0\r\n\r\n"),
        "wait",
    ),
    "until it closes": (says(b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\n{", b"}"), "close"),
    "of HTTP/1.0": (says(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"), "wait"),
    "without content": (says(b"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n"), "wait"),
    "unmodified": (says(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"), "wait"),
    "after another": (says(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK), "wait"),
    "a refusal": (says(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 3\r\n\r\n"), "wait"),
    "with a header twice": (says(b"HTTP/1.1 200 OK\r\nX: 1\r\nX: 2\r\nContent-Length: 0\r\n\r\n"), "wait"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_is_what_httpx_takes_it_for(name):
    script, then = ANSWERS[name]
    async with vendor(script, then=then) as playing, small() as ours, httpx.AsyncHTTPTransport() as witness:
        assert await answered(ours, request_to(playing.url)) == await answered(witness, request_to(playing.url))


FAILURES = {
    "nothing": (says(), "close", Meaning.DROPPED),
    "half a head": (says(b"HTTP/1.1 200 OK\r\nContent-"), "close", Meaning.DROPPED),
    "half a body": (says(OK[:-1]), "close", Meaning.DROPPED),
    "half a chunk": (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"), "close", Meaning.DROPPED),
    "a reset": (says(OK[:-1]), "reset", Meaning.DROPPED),
    "nonsense": (says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "wait", Meaning.DROPPED),
    "silence": (says(), "wait", Meaning.SILENT),
    "silence in the middle": (says(OK[:-1]), "wait", Meaning.SILENT),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_means_what_it_means_with_httpx(name):
    script, then, meaning = FAILURES[name]
    async with vendor(script, then=then) as playing, small() as ours, httpx.AsyncHTTPTransport() as witness:
        for transport in (ours, witness):
            with pytest.raises(httpx.TransportError) as raised:
                await answered(transport, request_to(playing.url, read=0.3))
            assert meaning_of(raised.value) is meaning, transport


async def test_another_protocol_is_no_answer(caplog):
    switching = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    async with vendor(says(switching)) as playing, small() as ours:
        with pytest.raises(httpx.RemoteProtocolError) as raised:
            await answered(ours, request_to(playing.url))
        await asyncio.wait_for(playing.left.wait(), 5)
    assert meaning_of(raised.value) is Meaning.DROPPED
    assert caplog.records == []


async def test_an_address_without_a_server_is_unreachable():
    async with vendor(says()) as playing:
        gone = playing.url
    async with small() as ours:
        with pytest.raises(httpx.ConnectError):
            await answered(ours, request_to(gone))


async def test_a_handshake_without_end_is_a_connection_not_had():
    async with vendor(says()) as playing, small() as ours:
        with pytest.raises(httpx.TransportError) as raised:
            await asyncio.wait_for(answered(ours, request_to(playing.url.replace("http", "https"), connect=0.2)), 5)
    assert meaning_of(raised.value) is Meaning.UNREACHABLE


async def test_an_answer_in_drops_ends_with_the_total_and_not_with_silence():
    async with vendor(says(*[OK[at : at + 1] for at in range(len(OK))], pause=0.1)) as playing, small() as ours:
        with pytest.raises(httpx.ReadTimeout):
            await answered(ours, request_to(playing.url, read=1.0, total=0.5))
        await asyncio.wait_for(playing.left.wait(), 5)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    ],
)
async def test_an_answer_without_end_is_not_read_to_it(answer):
    async with vendor(says(answer)) as playing, small() as ours:
        with pytest.raises(AnswerTooLarge) as raised:
            await answered(ours, request_to(playing.url))
    assert meaning_of(raised.value) is Meaning.UNREADABLE


async def test_connections_are_kept():
    async with vendor(says(OK)) as playing, small() as ours:
        for _ in range(5):
            await answered(ours, request_to(playing.url))
    assert (playing.connections, len(playing.requests)) == (1, 5)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        # The rest of a too long answer would be read by the next request.
        OK + OK,
    ],
)
async def test_a_connection_that_cannot_be_trusted_is_not_kept(answer):
    async with vendor(says(answer)) as playing, small() as ours:
        for _ in range(2):
            status, _, body = await answered(ours, request_to(playing.url))
            assert (status, body) == (200, b"{}")
    assert playing.connections == 2


async def test_an_answer_has_no_headers_of_the_one_behind_it():
    other = b"HTTP/1.1 200 OK\r\nX-Other: 1\r\nContent-Length: 2\r\n\r\n{}"
    async with vendor(says(OK + other)) as playing, small() as ours:
        assert (await answered(ours, request_to(playing.url)))[1] == [(b"content-length", b"2")]


async def test_an_unrequested_answer_of_a_vendor_is_discarded():
    sent = asyncio.Event()

    async def twice(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(OK.replace(b"{}", b"!!"))
        await writer.drain()
        sent.set()

    async with vendor(twice) as playing, small() as ours:
        await answered(ours, request_to(playing.url))
        await sent.wait()
        await asyncio.sleep(0.2)
        assert (await answered(ours, request_to(playing.url)))[2] == b"{}"
    assert playing.connections == 2


async def test_a_connection_that_the_vendor_closed_is_not_used_again():
    async with vendor(says(OK), then="close") as playing, small() as ours:
        await answered(ours, request_to(playing.url))
        await asyncio.sleep(0.1)
        await answered(ours, request_to(playing.url))
    assert playing.connections == 2


async def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch):
    monkeypatch.setattr(f"{__name__}.KEEP_SECONDS", 0.05)
    async with vendor(says(OK)) as playing, small() as ours:
        await answered(ours, request_to(playing.url))
        await asyncio.sleep(0.1)
        await answered(ours, request_to(playing.url))
    assert playing.connections == 2


async def test_a_cancelled_request_leaves_no_connection():
    async with vendor(says()) as playing, small() as ours:
        waiting = asyncio.create_task(answered(ours, request_to(playing.url)))
        await playing.asked.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait_for(playing.left.wait(), 5)


@pytest.mark.parametrize("headers", [{"x": "a\r\nHost: other"}, {"x\r\ny": "a"}, {"x": "a\nb"}])
async def test_a_line_break_in_a_header_is_refused(headers):
    async with vendor(says(OK)) as playing, small() as ours:
        with pytest.raises(httpx.LocalProtocolError):
            await answered(ours, request_to(playing.url, headers=headers))
    assert playing.requests == []


async def test_what_was_asked_arrives_as_it_was_written():
    async with vendor(says(OK)) as playing, small() as ours:
        request = request_to(playing.url, headers={"x-token": "t"})
        request.extensions["target"] = b"/other?logins=1,2"
        await answered(ours, request)
    host = playing.url.removeprefix("http://").encode()
    assert playing.requests == [b"GET /other?logins=1,2 HTTP/1.1\r\nHost: " + host + b"\r\nx-token: t\r\n\r\n"]


def certificate(folder) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for "localhost", and one that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path, secret = folder / "certificate.pem", folder / "key.pem"
    path.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path, secret)
    return server, ssl.create_default_context(cafile=str(path))


async def test_tls_is_spoken_and_checked(tmp_path):
    server, trusting = certificate(tmp_path)
    async with vendor(says(OK), context=server) as playing:
        async with small(context=trusting) as ours:
            for _ in range(2):
                assert (await answered(ours, request_to(playing.url)))[2] == b"{}"
            # What TLS itself says after its handshake is no word of the vendor's.
            assert playing.connections == 1
        async with small() as ours:
            with pytest.raises(httpx.ConnectError):
                await answered(ours, request_to(playing.url))
        async with small(context=trusting) as ours:
            with pytest.raises(httpx.ConnectError):
                await answered(ours, request_to(playing.url.replace("localhost", "127.0.0.1")))
