"""HTTP/1.1 behind httpx's transport API, made for many small calls to few vendors.

httpx's own transport spends most of a small call's processor time on being everything to everybody. This one knows
HTTP/1.1 with kept connections and whole answers, and no proxies, no HTTP/2 and no streaming. llhttp reads the answers.
It raises httpx's exceptions, so that upstreams/transport.py judges both alike.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Iterable
from typing import Any, Final, NoReturn

import httptools
import httpx

Origin = tuple[str, str, int]
Whole = tuple[int, list[tuple[bytes, bytes]], bytes]

PORTS: Final = {"http": 80, "https": 443}
_MOST_HEADER_BYTES: Final = 65_536
_INTERIM: Final = 200
_ALWAYS: Final = 86_400.0
_ANY_SIZE: Final = 2**62


class AnswerTooLarge(httpx.RemoteProtocolError):
    """The answer was longer than `extensions["max_bytes"]` and was not read to its end."""


class _Connection(asyncio.Protocol):
    """One connection, one exchange at a time. `usable` says whether another may follow."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: Any = None
        self._answer: asyncio.Future[Whole] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = self._most = 0
        self._heard = self._silence = self._end = 0.0
        self._until_closed = False
        self.usable = True
        self.idle_since = 0.0

    # What the exchange does

    async def exchange(self, request: bytes, *, silence: float, end: float, most: int) -> Whole:
        """Raises httpx.ReadTimeout after `silence` seconds without a byte or at `end`, by the loop's clock, and httpx's
        errors of a connection that ended or an answer that cannot be read. Cancelled, it leaves no connection behind.
        """
        if not self.usable:
            raise httpx.ReadError("the connection was closed")
        self._size, self._most = 0, most
        self._heard = self._loop.time()
        self._silence, self._end = silence, end
        self._answer = self._loop.create_future()
        self._transport.write(request)
        self._timer = self._loop.call_at(min(self._heard + silence, end), self._look)
        try:
            return await self._answer
        except BaseException:
            self.close()
            raise
        finally:
            self._timer.cancel()
            self._answer = None
            self._headers, self._body = [], []

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def _look(self) -> None:
        """Time is up, unless something was heard meanwhile."""
        now = self._loop.time()
        due = min(self._heard + self._silence, self._end)
        if now >= due:
            self._fail(httpx.ReadTimeout("no answer in time"))
        else:
            self._timer = self._loop.call_at(due, self._look)

    def _fail(self, error: httpx.TransportError) -> None:
        self.usable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    # What the event loop says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            # Whoever speaks unasked, or on after the end, would be taken for the answer to the next request.
            self.close()
            return
        self._heard = self._loop.time()
        self._size += len(data)
        if self._size > self._most + _MOST_HEADER_BYTES:
            self._fail(AnswerTooLarge("answer too large"))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(httpx.RemoteProtocolError(type(error).__name__))

    def connection_lost(self, error: Exception | None) -> None:
        if self._until_closed and error is None:
            self._finish()
        if error is None:
            self._fail(httpx.RemoteProtocolError("closed before the whole answer"))
        else:
            self._fail(httpx.ReadError(type(error).__name__))

    # What llhttp says

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.done():
            self.usable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))
        if sum(len(one) for one in self._headers[-1]) + self._size > self._most + _MOST_HEADER_BYTES:
            self._fail(AnswerTooLarge("headers too large"))

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() >= _INTERIM:
            names = {name.lower() for name, _ in self._headers}
            self._until_closed = not names & {b"content-length", b"transfer-encoding"}

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < _INTERIM:
            self._headers = []
            return
        self.usable = self.usable and self._parser.should_keep_alive() and not self._until_closed
        self._finish()

    def _finish(self) -> None:
        body = b"".join(self._body)
        if self._answer is None or self._answer.done():
            return
        if len(body) > self._most:
            self._fail(AnswerTooLarge("answer too large"))
            return
        self._answer.set_result((self._parser.get_status_code(), self._headers, body))


class SmallCalls(httpx.AsyncBaseTransport):
    """Keeps connections for `keep_alive_seconds` after their last use. How many there are is the caller's to limit.

    `request.extensions`: httpx's "timeout" (connect and read are kept) and "target"; "total", the seconds that all of
    it may take, and "max_bytes" of a body.
    """

    def __init__(self, context: ssl.SSLContext, *, keep_alive_seconds: float) -> None:
        self._context = context
        self._keep_alive_seconds = keep_alive_seconds
        self._idle: dict[Origin, deque[_Connection]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer. Raises httpx's exceptions; ConnectError and ConnectTimeout before a byte is sent."""
        url, told = request.url, request.extensions
        timeout = told.get("timeout", {})
        target = told.get("target", url.raw_path)
        status, headers, body = await self.exchange(
            (url.scheme, url.host, url.port or PORTS[url.scheme]),
            written(request.method, target, request.headers.raw, await request.aread()),
            connect=timeout.get("connect"),
            silence=timeout.get("read") or _ALWAYS,
            total=told.get("total", _ALWAYS),
            most=told.get("max_bytes", _ANY_SIZE),
        )
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body), request=request)

    async def exchange(  # noqa: PLR0913 - where, what, and its bounds.
        self, origin: Origin, request: bytes, *, connect: float | None, silence: float, total: float, most: int
    ) -> Whole:
        """The same without httpx's request and response, which cost more than the exchange itself."""
        end = asyncio.get_running_loop().time() + total
        connection = self._kept(origin) or await self._connected(origin, connect)
        whole = await connection.exchange(request, silence=silence, end=end, most=most)
        self._keep(origin, connection)
        return whole

    async def aclose(self) -> None:
        for kept in self._idle.values():
            while kept:
                kept.pop().close()

    def _kept(self, origin: Origin) -> _Connection | None:
        kept = self._idle.get(origin)
        oldest = asyncio.get_running_loop().time() - self._keep_alive_seconds
        while kept:
            connection = kept.pop()
            if connection.usable and connection.idle_since > oldest:
                return connection
            connection.close()
        return None

    def _keep(self, origin: Origin, connection: _Connection) -> None:
        if not connection.usable:
            connection.close()
            return
        now = connection.idle_since = asyncio.get_running_loop().time()
        kept = self._idle.setdefault(origin, deque())
        kept.append(connection)
        while kept[0].idle_since < now - self._keep_alive_seconds:
            kept.popleft().close()

    async def _connected(self, origin: Origin, seconds: float | None) -> _Connection:
        scheme, host, port = origin
        tls: Any = {"ssl": self._context, "ssl_handshake_timeout": seconds} if scheme == "https" else {}
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(lambda: _Connection(loop), host, port, **tls)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time") from error
        except OSError as error:
            raise httpx.ConnectError(type(error).__name__) from error
        return connection


def written(method: str, target: bytes, headers: Iterable[tuple[bytes, bytes]], content: bytes) -> bytes:
    """A request's bytes. Raises httpx.LocalProtocolError for a line break where none may be."""
    lines = [b"%b %b HTTP/1.1" % (method.encode("ascii"), target)]
    lines += [b"%b: %b" % header for header in headers]
    head = b"\r\n".join(lines)
    if head.count(b"\r") != len(lines) - 1 or head.count(b"\n") != len(lines) - 1 or b" " in target:
        _refuse()
    return b"%b\r\n\r\n%b" % (head, content)


def _refuse() -> NoReturn:
    raise httpx.LocalProtocolError("a line break in the request's line or headers")
