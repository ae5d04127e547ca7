"""Sessions over real sockets: a handshake for each connection, pings, losses, pauses and pinned certificates."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

import msgspec
import pytest
from support.certificates import PrivateCa
from support.vendor_calls import SHORT, a_call

from core.clock import Clock
from core.errors import OutcomeUnknown, Rejected, System, Unavailable
from upstreams.http.failures import Failures
from upstreams.http.link import Link
from upstreams.http.network import Network
from upstreams.http.request import HttpRequest
from upstreams.http.sessions import SessionRules

pytestmark = pytest.mark.anyio

SYSTEM = System("TOY")
READ = HttpRequest("GET", "/read", lane="T1")
ALONE = HttpRequest("GET", "/alone", lane="T1", alone=True)
WRITE = HttpRequest("POST", "/write", lane="T1", writes=True)
HELLO, PING = HttpRequest("GET", "/hello"), HttpRequest("GET", "/ping")


class Server:
    """Knows a connection after /hello. `scripts` are answers by path: a status, "cut" or "hang", each used once."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, str]] = []
        self.heads: list[str] = []
        self.connections = self.open = self.most_open = 0
        self.scripts: dict[str, list[int | str]] = {}
        self.forgotten: set[int] = set()
        self.cookie = False
        self.url = ""
        self.writers: list[asyncio.StreamWriter] = []
        self.tasks: list[asyncio.Task[None]] = []

    @property
    def paths(self) -> list[str]:
        return [path for _, path in self.requests]

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.append(asyncio.current_task())
        self.writers.append(writer)
        self.connections += 1
        number, self.open = self.connections, self.open + 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self._serve(number, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _serve(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        known = False
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            self.requests.append((number, path))
            self.heads.append(head)
            script = self.scripts.get(path, [])
            action = script.pop(0) if script else 200
            if action == "cut":
                return
            if action == "hang":
                await asyncio.sleep(3600)
            if path == "/hello":
                known = True
            elif not known or number in self.forgotten:
                action = 403
            more = "set-cookie: sid=abc; path=/\r\n" if self.cookie and path == "/hello" else ""
            writer.write(f"HTTP/1.1 {action} x\r\ncontent-length: 2\r\n{more}\r\n{{}}".encode())
            await writer.drain()


@asynccontextmanager
async def serving(context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    playing = Server()
    server = await asyncio.start_server(playing, "127.0.0.1", 0, ssl=context)
    scheme = "http" if context is None else "https"
    playing.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield playing
    finally:
        server.close()
        for task in playing.tasks:
            task.cancel()
        await asyncio.gather(*playing.tasks, return_exceptions=True)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as playing:
        yield playing


def rules_of(url: str, **changes) -> SessionRules:
    async def begin(send):
        answer = await send(HELLO)
        if answer.status != 200:
            raise Failures(SYSTEM, "main").credentials(str(answer.status))

    values = {
        "url": url,
        "connections": 2,
        "begin": begin,
        "is_lost": lambda answer: answer.status == 403,
        "ping": PING,
        "ping_seconds": 60.0,
        "first_pause_seconds": 60.0,
        "longest_pause_seconds": 120.0,
    }
    return SessionRules(**values | changes)


@asynccontextmanager
async def link_to(server: Server, ca_file=None, **changes) -> AsyncIterator[Link]:
    rules = rules_of(server.url, **changes)
    link = Link(SYSTEM, "main", server.url, SHORT, Clock(), network=Network(ca_file=ca_file), sessions=rules)
    yield link
    await link.aclose()


async def read(link: Link, request: HttpRequest = READ) -> int:
    return await link.read(request, lambda answer: answer.status, a_call())


async def write(link: Link) -> int:
    return await link.write(WRITE, lambda answer: answer.status, a_call())


async def test_a_connection_begins_with_a_handshake_and_serves_reads_and_writes(server):
    async with link_to(server) as link:
        assert [await read(link), await write(link), await read(link)] == [200] * 3

    assert server.requests == [(1, "/hello"), (1, "/read"), (1, "/write"), (1, "/read")]
    assert all("connection: keep-alive" in head for head in server.heads)


async def test_no_more_connections_are_open_than_allowed(server):
    async with link_to(server) as link:
        await asyncio.gather(*(read(link, ALONE if n % 3 else READ) for n in range(12)))

        assert server.most_open == 2


async def test_a_request_that_is_alone_has_a_new_session(server):
    async with link_to(server, connections=1) as link:
        await read(link)
        await read(link, ALONE)
        await read(link)

    assert server.requests == [(n, path) for n in (1, 2, 3) for path in ("/hello", ("/read", "/alone")[n == 2])]


async def test_a_request_that_is_alone_uses_none_of_several_idle_connections(server):
    async with link_to(server) as link:
        await asyncio.gather(read(link), read(link))
        await read(link, ALONE)

    assert server.connections == 3
    assert server.requests[-2:] == [(3, "/hello"), (3, "/alone")]


@pytest.mark.parametrize("loss", [403, "cut"])
async def test_a_read_whose_session_is_lost_is_replayed_once(server, loss):
    async with link_to(server) as link:
        await read(link)
        server.scripts["/read"] = [loss]

        assert await read(link) == 200

    assert server.paths == ["/hello", "/read", "/read", "/hello", "/read"]


async def test_all_sessions_that_the_server_forgot_are_replaced(server):
    async with link_to(server) as link:
        await asyncio.gather(read(link), read(link))
        server.forgotten = {1, 2}

        assert await read(link) == 200

    assert server.connections == 3


async def test_a_refusal_on_a_new_session_is_a_refusal_and_no_loss(server):
    async with link_to(server) as link:
        await read(link)
        server.scripts["/read"] = [403] * 9

        with pytest.raises(Rejected):
            await read(link)

    assert server.paths == ["/hello", "/read", "/read", "/hello", "/read"]


@pytest.mark.parametrize("loss", [403, "cut"])
async def test_a_write_whose_session_is_lost_is_in_doubt_and_never_replayed(server, loss):
    async with link_to(server) as link:
        await read(link)
        server.scripts["/write"] = [loss]

        with pytest.raises(OutcomeUnknown):
            await write(link)

        assert server.paths.count("/write") == 1
        assert await write(link) == 200


async def test_a_write_on_a_connection_that_was_closed_before_gets_a_new_session(server):
    async with link_to(server) as link:
        await read(link)
        server.writers[0].close()
        await until(lambda: not server.open)

        assert await write(link) == 200

    assert server.requests[-2:] == [(2, "/hello"), (2, "/write")]


@pytest.mark.parametrize("failure", [403, "cut", "hang"])
async def test_a_write_without_a_session_was_provably_not_sent(server, failure):
    server.scripts["/hello"] = [failure]
    async with link_to(server) as link:
        with pytest.raises(Unavailable):
            await write(link)

    assert "/write" not in server.paths


async def test_a_session_is_open_before_a_write_is_sent(server):
    async with link_to(server) as link:
        await link.open_session("T1", a_call())
        assert server.paths == ["/hello"]
        await link.open_session("T1", a_call())

        await write(link)

    assert server.paths == ["/hello", "/write"]


async def test_no_session_is_opened_while_the_breaker_of_commands_is_open(server):
    server.scripts["/write"] = ["cut"] * SHORT.breaker_failures
    command = msgspec.structs.replace(a_call(), for_command=True)
    async with link_to(server) as link:
        for _ in range(SHORT.breaker_failures):
            with pytest.raises(OutcomeUnknown):
                await link.write(WRITE, lambda answer: answer.status, command)
        before = server.connections

        with pytest.raises(Unavailable, match="failed several times"):
            await link.open_session("T1", command)

    assert server.connections == before


async def test_after_a_failed_handshake_there_is_a_pause(server):
    server.scripts["/hello"] = ["cut"]
    async with link_to(server) as link:
        with pytest.raises(Unavailable) as first:
            await read(link)
        with pytest.raises(Unavailable) as second:
            await read(link)

    assert server.connections == 1
    assert 48 <= first.value.retry_after_seconds <= 60
    assert second.value.retry_after_seconds <= first.value.retry_after_seconds
    assert "not called for the moment" in second.value.message


async def test_pauses_are_doubled_up_to_the_longest_and_end_with_a_session(server):
    server.scripts["/hello"] = [403] * 4
    pauses = []
    async with link_to(server, first_pause_seconds=0.02, longest_pause_seconds=0.06) as link:
        for _ in range(4):
            with pytest.raises(Unavailable) as refused:
                await read(link)
            pauses.append(refused.value.retry_after_seconds)
            await asyncio.sleep(pauses[-1])
        assert await read(link) == 200
        server.scripts["/hello"] = [403]
        with pytest.raises(Unavailable) as again:
            await read(link, ALONE)

    bounds = [0.02, 0.04, 0.06, 0.06, 0.02]
    pauses.append(again.value.retry_after_seconds)
    assert all(0.8 * most <= pause <= most for most, pause in zip(bounds, pauses, strict=True))


async def until(done) -> None:
    """Wait for it. The time-out of the test ends a wait without an end."""
    while not done():  # noqa: ASYNC110 - the server is a plain socket.
        await asyncio.sleep(0.005)


async def test_an_idle_connection_is_pinged_again_and_again(server):
    async with link_to(server, ping_seconds=0.02) as link:
        await read(link)
        await until(lambda: server.paths.count("/ping") > 2)

    assert server.connections == 1


async def test_a_connection_is_not_pinged_before_its_time(server):
    async with link_to(server) as link:
        for _ in range(20):
            await read(link)
            await asyncio.sleep(0.001)

    assert "/ping" not in server.paths


async def test_a_ping_never_opens_a_second_connection(server):
    async with link_to(server, connections=1, ping_seconds=0.001) as link:
        for _ in range(30):
            await write(link)
            await asyncio.sleep(0.002)
        await until(lambda: "/ping" in server.paths)

        assert server.connections == 1


async def test_a_ping_without_an_answer_ends_the_session(server):
    server.scripts["/ping"] = ["hang"]
    async with link_to(server, connections=1, ping_seconds=0.01) as link:
        await read(link)
        await until(lambda: "/ping" in server.paths)

        assert await read(link) == 200
    assert server.connections == 2


async def test_a_connection_has_its_own_cookies(server):
    server.cookie = True
    async with link_to(server) as link:
        await read(link)
        server.cookie = False
        await read(link, ALONE)

    assert ["cookie: sid=abc" in head for head in server.heads] == [False, True, False, False]


@pytest.fixture(scope="module")
def ca(tmp_path_factory) -> PrivateCa:
    return PrivateCa(tmp_path_factory.mktemp("ca"))


def fingerprint_of(context: ssl.SSLContext, folder) -> bytes:
    [path] = folder.glob("server-*.pem")
    der = ssl.PEM_cert_to_DER_cert("-----BEGIN CERTIFICATE" + path.read_text().partition("-----BEGIN CERTIFICATE")[2])
    return sha256(der).digest()


async def test_the_authority_of_a_ca_file_is_trusted_and_no_other(ca):
    async with serving(ca.context()) as server:
        async with link_to(server, ca_file=ca.ca_file) as link:
            assert await read(link) == 200
        async with link_to(server) as link:
            with pytest.raises(Unavailable) as refused:
                await read(link)

    assert "unknown CA" in refused.value.detail
    assert server.paths == ["/hello", "/read"]


async def test_a_pinned_certificate_is_trusted_without_an_authority(tmp_path):
    context = PrivateCa(tmp_path).context("127.0.0.2")
    async with serving(context) as server, link_to(server, fingerprint=fingerprint_of(context, tmp_path)) as link:
        assert await read(link) == 200


async def test_another_certificate_gets_no_byte_of_ours(tmp_path):
    async with serving(PrivateCa(tmp_path).context()) as server, link_to(server, fingerprint=b"\0" * 32) as link:
        with pytest.raises(Unavailable) as refused:
            await read(link)

    assert refused.value.detail == "TLS: the certificate has another fingerprint"
    assert server.requests == []
