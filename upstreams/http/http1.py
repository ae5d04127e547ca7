"""The HTTP/1.1 transport for many small reads of few vendors.

httpx's own transport spends most of a small call's processor time on features that these reads do not use. This
transport has pooled connections and complete answers. It has no proxies, no HTTP/2 and no streaming. llhttp parses the
answers. The exceptions are those of httpx, so that upstreams/http/transport.py treats both transports alike.
"""

import asyncio
import select
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import httptools
import httpx

from upstreams.http.connection_pool import ConnectionPool

Origin = tuple[str, str, int]
WholeAnswer = tuple[int, list[tuple[bytes, bytes]], bytes]

PORTS: Final = {"http": 80, "https": 443}
_MOST_HEADER_BYTES: Final = 65_536
_INTERIM: Final = 200


@dataclass(frozen=True, slots=True)
class ExchangeBounds:
    """The longest time and the largest answer of one exchange."""

    read_seconds: float
    total_seconds: float
    max_answer_bytes: int


class AnswerTooLarge(httpx.RemoteProtocolError):
    """The answer is larger than the limit and was not read completely."""


class Http1Connection(asyncio.Protocol):
    """One connection with one exchange at a time. `usable` says whether another exchange may follow."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: Any = None
        self._unread = select.poll()
        self._answer: asyncio.Future[WholeAnswer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = self._most = 0
        self._heard = self._silence = self._end = 0.0
        self._until_closed = False
        self.usable = True

    # Methods of the exchange

    async def exchange(self, request: bytes, *, silence: float, end: float, most: int) -> WholeAnswer:
        """Send a request and return its complete answer.

        Raises httpx.ReadTimeout after `silence` seconds without a byte, or at `end` by the loop's clock. Raises httpx's
        errors for a closed connection and for an unreadable answer. A cancelled exchange closes its connection.
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

    def is_silent(self) -> bool:
        """Check the socket itself, because bytes that came while the event loop was busy are not in `data_received`
        yet.
        """
        return self.usable and not self._unread.poll(0)

    def certificate(self) -> bytes | None:
        """The certificate of the other side in DER form; None without TLS."""
        tls = self._transport.get_extra_info("ssl_object")
        return None if tls is None else tls.getpeercert(binary_form=True)

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def _look(self) -> None:
        """Fail the exchange if its time has ended. Continue to wait if bytes came in the meantime."""
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

    # Callbacks of the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        # One poll object for all checks, because a new object would double the cost. `select` does not support large
        # file numbers.
        self._unread.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            # Bytes without a request, or after the end of an answer, would be read as the answer to the next request.
            self.close()
            return
        self._heard = self._loop.time()
        self._size += len(data)
        if self._size > self._most + _MOST_HEADER_BYTES:
            self._fail(AnswerTooLarge("answer too large"))
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(httpx.RemoteProtocolError(type(error).__name__))

    def connection_lost(self, error: Exception | None) -> None:
        if self._until_closed and error is None:
            self._finish()
        if error is None:
            self._fail(httpx.RemoteProtocolError("closed before the whole answer"))
        else:
            self._fail(httpx.ReadError(type(error).__name__))

    # Callbacks of llhttp

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.done():
            self.usable = False
            # The finished answer keeps its own list of headers.
            self._headers = []

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


class Http1Transport:
    """Keeps connections for `keep_alive_seconds` after their last use. The caller limits their number."""

    def __init__(self, context: ssl.SSLContext, *, keep_alive_seconds: float) -> None:
        self._context = context
        self._pool: ConnectionPool[Http1Connection] = ConnectionPool(keep_alive_seconds)

    async def exchange(
        self, origin: Origin, request: bytes, bounds: ExchangeBounds, *, connect_seconds: float, lane: str | None
    ) -> WholeAnswer:
        """The complete answer. Raises httpx's exceptions: ConnectError and ConnectTimeout only before a byte was sent.

        Requests of one lane share pooled connections. A request with lane None uses a new connection.
        """
        end = asyncio.get_running_loop().time() + bounds.total_seconds
        kept = None if lane is None else self._pool.take((origin, lane))
        connection = kept or await connect(origin, self._context, connect_seconds)
        whole = await connection.exchange(request, silence=bounds.read_seconds, end=end, most=bounds.max_answer_bytes)
        if lane is None or not connection.usable:
            connection.close()
        else:
            self._pool.keep((origin, lane), connection)
        return whole

    def distrust(self, lane: str) -> None:
        """Close the idle connections of this lane."""
        self._pool.distrust(lane)

    async def aclose(self) -> None:
        self._pool.close()


async def connect(origin: Origin, context: ssl.SSLContext, seconds: float) -> Http1Connection:
    """A new connection. Raises httpx.ConnectError and httpx.ConnectTimeout."""
    scheme, host, port = origin
    tls: Any = {"ssl": context, "ssl_handshake_timeout": seconds} if scheme == "https" else {}
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            _, connection = await loop.create_connection(lambda: Http1Connection(loop), host, port, **tls)
    except TimeoutError as error:
        raise httpx.ConnectTimeout("no connection in time") from error
    except OSError as error:
        raise httpx.ConnectError(type(error).__name__) from error
    return connection


def encode_request(method: str, target: bytes, headers: Iterable[tuple[bytes, bytes]], content: bytes) -> bytes:
    """The bytes of a request. Raises httpx.LocalProtocolError for a forbidden line break."""
    lines = [b"%b %b HTTP/1.1" % (method.encode("ascii"), target)]
    lines += [b"%b: %b" % header for header in headers]
    head = b"\r\n".join(lines)
    if head.count(b"\r") != len(lines) - 1 or head.count(b"\n") != len(lines) - 1 or b" " in target:
        _refuse()
    return b"%b\r\n\r\n%b" % (head, content)


def _refuse() -> NoReturn:
    raise httpx.LocalProtocolError("a line break in the request's line or headers")
