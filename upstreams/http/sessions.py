"""Sessions: a vendor knows us on a connection after a handshake, until the connection is closed.

- At most `connections` are open. An idle one is pinged, so that the vendor does not close it.
- A new connection gets its handshake before any request. After a failed handshake there is a pause, doubled each time.
- A read whose session was lost is reported as worth one repeat, which gets a new session. A write is never repeated.
- A request that is alone gets a new connection, too.
"""

import asyncio
import hmac
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import httpx
from typing_extensions import override

from core.errors import UpstreamError
from upstreams.http.http1 import ExchangeBounds, Http1Connection, connect
from upstreams.http.limits import Limits
from upstreams.http.network import Network
from upstreams.http.request import HttpRequest
from upstreams.http.tls import pinned_context, tls_context
from upstreams.http.transport import HttpAnswer, Transport, answer_of, fault_of
from upstreams.http.transport_errors import Meaning, TransportFault

Send = Callable[[HttpRequest], Awaitable[HttpAnswer]]
_OK: Final = 200
_MOST_DOUBLINGS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRules:
    """A vendor's rules. `fingerprint` is the SHA-256 of the server's certificate, in place of a trusted authority."""

    url: str
    connections: int
    begin: Callable[[Send], Awaitable[None]]
    """The handshake on a new connection. Raises UpstreamError if the vendor refuses us, or is another server."""
    is_lost: Callable[[HttpAnswer], bool]
    """Whether an answer says that the connection has no session."""
    ping: HttpRequest
    ping_seconds: float
    first_pause_seconds: float
    longest_pause_seconds: float
    fingerprint: bytes | None = None


@dataclass(slots=True)
class _Session:
    connection: Http1Connection
    used_at: float = 0.0
    cookies: dict[bytes, bytes] = field(default_factory=dict)


class SessionTransport(Transport):
    """A transport whose requests, reads and writes, are sent in sessions of few connections."""

    def __init__(self, limits: Limits, network: Network, rules: SessionRules) -> None:
        super().__init__(limits, network)
        self._rules = rules
        self._context = tls_context(network.ca_file) if rules.fingerprint is None else pinned_context()
        self._free = asyncio.Semaphore(rules.connections)
        self._idle: deque[_Session] = deque()
        self._pinging: asyncio.Task[None] | None = None
        self._failures = 0
        self._paused_until = 0.0

    @override
    def distrust(self, lane: str = "") -> None:
        """Close the idle connections. The next request gets a new session."""
        while self._idle:
            self._idle.pop().connection.close()

    @override
    async def aclose(self) -> None:
        if self._pinging is not None:
            self._pinging.cancel()
            await asyncio.gather(self._pinging, return_exceptions=True)
        self.distrust()
        await super().aclose()

    @override
    async def exchange(self, request: HttpRequest, url: str, bounds: ExchangeBounds, *, lane: str | None) -> HttpAnswer:
        progress = _Progress()
        try:
            async with asyncio.timeout(bounds.total_seconds), self._free:
                return await self._exchange(request, url, bounds, progress, alone=lane is None)
        except (TransportFault, UpstreamError):
            raise
        except Exception as error:
            raise fault_of(error, sent=progress.sent) from error

    async def open_session(self, seconds: float) -> None:
        """Open a session unless one is idle. Raises TransportFault or UpstreamError."""
        try:
            async with asyncio.timeout(seconds), self._free:
                self._keep(self._take() or await self._open())
        except TimeoutError as error:
            raise fault_of(error, sent=False) from error

    async def _exchange(
        self, request: HttpRequest, url: str, bounds: ExchangeBounds, progress: "_Progress", *, alone: bool
    ) -> HttpAnswer:
        if alone and self._idle:
            # The place of the new connection.
            self._idle.popleft().connection.close()
        kept = None if alone else self._take()
        session = kept or await self._open()
        answer = await self._send(session, request, url, bounds, progress)
        is_lost = self._rules.is_lost(answer)
        if alone or is_lost or answer.status != _OK or not session.connection.usable:
            session.connection.close()
        else:
            self._keep(session)
        if is_lost:
            self.distrust()
            if kept is not None:
                # On a new session the same answer has another meaning: the vendor refuses this request.
                raise TransportFault(Meaning.SESSION_LOST, sent=True, detail=f"HTTP {answer.status}")
        return answer

    async def _send(
        self, session: _Session, request: HttpRequest, url: str, bounds: ExchangeBounds, progress: "_Progress"
    ) -> HttpAnswer:
        cookies = {"cookie": b"; ".join(b"%b=%b" % one for one in session.cookies.items()).decode("latin-1")}
        _, written = self.encode(request, url, {"connection": "keep-alive", **(cookies if session.cookies else {})})
        end = asyncio.get_running_loop().time() + bounds.total_seconds
        progress.sent = session.connection.usable
        whole = await session.connection.exchange(
            written, silence=bounds.read_seconds, end=end, most=bounds.max_answer_bytes
        )
        for name, value in whole[1]:
            if name.lower() == b"set-cookie":
                cookie, _, text = value.partition(b";")[0].partition(b"=")
                session.cookies[cookie.strip()] = text.strip()
        return answer_of(whole)

    def _take(self) -> _Session | None:
        """The most recently used session. The caller must not await anything before it writes to the connection."""
        while self._idle:
            session = self._idle.pop()
            if session.connection.is_silent():
                return session
            session.connection.close()
        return None

    def _keep(self, session: _Session) -> None:
        session.used_at = asyncio.get_running_loop().time()
        self._idle.append(session)
        if self._pinging is None or self._pinging.done():
            self._pinging = asyncio.get_running_loop().create_task(self._ping())

    async def _open(self) -> _Session:
        loop = asyncio.get_running_loop()
        left = self._paused_until - loop.time()
        if left > 0:
            raise TransportFault(Meaning.PAUSED, sent=False, detail="pause after a failed handshake", seconds=left)
        try:
            session = await self._begin()
        except UpstreamError as error:
            error.retry_after_seconds = self._pause()
            raise
        except Exception as error:
            fault = error if isinstance(error, TransportFault) else fault_of(error, sent=False)
            fault.seconds = self._pause()
            raise fault from error
        self._failures = 0
        return session

    async def _begin(self) -> _Session:
        origin, _ = self.encode(self._rules.ping, self._rules.ping.address(self._rules.url), {})
        connection = await connect(origin, self._context, self._limits.connect_timeout_seconds)
        try:
            self._check_certificate(connection)
            session = _Session(connection)
            await self._rules.begin(lambda request: self._send_small(session, request))
        except BaseException:
            connection.close()
            raise
        return session

    def _check_certificate(self, connection: Http1Connection) -> None:
        wanted = self._rules.fingerprint
        if wanted is not None and not hmac.compare_digest(sha256(connection.certificate() or b"").digest(), wanted):
            detail = "TLS: the certificate has another fingerprint"
            raise TransportFault(Meaning.UNREACHABLE, sent=False, detail=detail)

    async def _send_small(self, session: _Session, request: HttpRequest) -> HttpAnswer:
        """A step of the handshake, or a ping."""
        seconds = self._limits.connect_timeout_seconds
        bounds = ExchangeBounds(seconds, seconds, self._limits.max_answer_bytes)
        return await self._send(session, request, request.address(self._rules.url), bounds, _Progress())

    def _pause(self) -> float:
        """Begin a pause, unless one has begun while this attempt ran. Returns its seconds."""
        now = asyncio.get_running_loop().time()
        if self._paused_until <= now:
            self._failures += 1
            doubled = self._rules.first_pause_seconds * 2 ** min(self._failures - 1, _MOST_DOUBLINGS)
            jitter = random.uniform(0.8, 1)  # noqa: S311 - jitter is not a secret.
            self._paused_until = now + min(doubled, self._rules.longest_pause_seconds) * jitter
        return self._paused_until - now

    async def _ping(self) -> None:
        """Ping each session that was idle for `ping_seconds`, as long as there is an idle session."""
        loop = asyncio.get_running_loop()
        while self._idle:
            due = self._idle[0].used_at + self._rules.ping_seconds
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
                continue
            async with self._free:
                if self._idle and self._idle[0].used_at + self._rules.ping_seconds <= loop.time():
                    await self._ping_one(self._idle.popleft())

    async def _ping_one(self, session: _Session) -> None:
        try:
            answer = await self._send_small(session, self._rules.ping)
        except (httpx.HTTPError, TransportFault):
            return
        if answer.status == _OK and not self._rules.is_lost(answer) and session.connection.usable:
            self._keep(session)
        else:
            session.connection.close()


@dataclass(slots=True)
class _Progress:
    sent: bool = False
