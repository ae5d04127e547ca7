"""Bytes to a vendor and bytes back: the one module that knows httpx.

Whatever the HTTP stack raises leaves here as a TransportFault that answers one question besides its words: had a byte
of the request left us? A write that never left may be repeated; one that did may have been applied.
"""

import asyncio
import functools
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from upstreams.config import Limits

# Vendors close idle connections after as little as 5 s (uvicorn's default); we let go sooner than they do, so that a
# read seldom meets a connection that is being closed under it.
KEEP_ALIVE_SECONDS = 4.0


class Meaning(Enum):
    """What a failure of the HTTP stack says about the vendor."""

    UNREACHABLE = auto()
    SILENT = auto()
    DROPPED = auto()
    UNREADABLE = auto()
    CROWDED = auto()
    OUR_FAULT = auto()


class TransportFault(Exception):
    """No usable HTTP answer came. `sent` is false only where it is proven that no byte of the request left."""

    def __init__(self, meaning: Meaning, *, sent: bool, detail: str) -> None:
        super().__init__(detail)
        self.meaning = meaning
        self.sent = sent
        self.detail = detail


FAULTS: dict[type[Exception], Meaning] = {
    httpx.HTTPError: Meaning.DROPPED,
    httpx.RequestError: Meaning.DROPPED,
    httpx.TransportError: Meaning.DROPPED,
    httpx.TimeoutException: Meaning.SILENT,
    httpx.ConnectTimeout: Meaning.UNREACHABLE,
    httpx.ReadTimeout: Meaning.SILENT,
    httpx.WriteTimeout: Meaning.SILENT,
    httpx.PoolTimeout: Meaning.CROWDED,
    httpx.NetworkError: Meaning.DROPPED,
    httpx.ReadError: Meaning.DROPPED,
    httpx.WriteError: Meaning.DROPPED,
    httpx.ConnectError: Meaning.UNREACHABLE,
    httpx.CloseError: Meaning.DROPPED,
    httpx.ProxyError: Meaning.UNREACHABLE,
    httpx.UnsupportedProtocol: Meaning.OUR_FAULT,
    httpx.ProtocolError: Meaning.UNREADABLE,
    httpx.LocalProtocolError: Meaning.OUR_FAULT,
    httpx.RemoteProtocolError: Meaning.DROPPED,
    httpx.DecodingError: Meaning.UNREADABLE,
    httpx.TooManyRedirects: Meaning.UNREADABLE,
    httpx.HTTPStatusError: Meaning.UNREADABLE,
    httpx.InvalidURL: Meaning.OUR_FAULT,
    httpx.CookieConflict: Meaning.OUR_FAULT,
    httpx.StreamError: Meaning.OUR_FAULT,
    httpx.StreamConsumed: Meaning.OUR_FAULT,
    httpx.StreamClosed: Meaning.OUR_FAULT,
    httpx.ResponseNotRead: Meaning.OUR_FAULT,
    httpx.RequestNotRead: Meaning.OUR_FAULT,
    # What slips through httpx untranslated: TLS and socket errors in mid-stream.
    OSError: Meaning.DROPPED,
}


def meaning_of(error: Exception) -> Meaning:
    """The nearest entry of FAULTS; anything else is taken for a dropped connection, the most careful reading."""
    return next((FAULTS[kind] for kind in type(error).__mro__ if kind in FAULTS), Meaning.DROPPED)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete answer of any status. Header names are lower-case. The body may hold secrets: it has no repr."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"HttpAnswer(status={self.status}, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long and how large one exchange may be."""

    read_seconds: float
    total_seconds: float
    max_answer_bytes: int


class _Progress:
    """Listens to httpcore's trace for the moment when the first byte of a request is handed to the socket."""

    def __init__(self) -> None:
        self.sent = False

    async def __call__(self, event: str, _info: Mapping[str, object]) -> None:
        if event.endswith("send_request_headers.started"):
            self.sent = True


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading the certificate store costs tens of milliseconds, so all connections of a process share one context.
    return httpx.create_ssl_context(trust_env=False)


def _no_cookies() -> CookieJar:
    # A vendor's cookie would tie one client's call to the next one's.
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


def _http(limits: Limits, *, keep_alive: bool) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=_tls(),
        cookies=_no_cookies(),
        trust_env=False,
        follow_redirects=False,
        headers={"accept": "application/json", "accept-encoding": "identity", "user-agent": "brokergraph"},
        limits=httpx.Limits(
            max_connections=limits.max_in_flight,
            max_keepalive_connections=limits.max_in_flight if keep_alive else 0,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
        ),
    )


class Transport:
    """A pool of connections to one vendor. Reads share kept connections; every write has a fresh one, because a kept
    connection that the vendor closes at that moment would turn an unsent write into one in doubt.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._reading = _http(limits, keep_alive=True)
        self._writing = _http(limits, keep_alive=False)

    async def aclose(self) -> None:
        await self._reading.aclose()
        await self._writing.aclose()

    async def exchange(  # noqa: PLR0913 - the parts of an HTTP request, and its bounds.
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        bounds: Bounds,
        writes: bool,
    ) -> HttpAnswer:
        """One HTTP exchange within a total time, which httpx alone does not keep: its read time-out restarts with each
        chunk. Raises TransportFault; CancelledError passes and leaves no connection behind.
        """
        progress = _Progress()
        http = self._writing if writes else self._reading
        request = http.build_request(
            method,
            url,
            headers=dict(headers),
            content=content,
            # A request's bytes fit into the socket's buffer: who does not take them in the time of a handshake is as
            # good as unreachable, and a repeat with a vendor's key has to know when it arrives at the latest.
            timeout=httpx.Timeout(
                bounds.read_seconds, connect=self._connect_seconds(bounds), write=self._connect_seconds(bounds)
            ),
            # Listening costs a little for every chunk, and only a write needs to know.
            extensions={"trace": progress} if writes else {},
        )
        try:
            async with asyncio.timeout(bounds.total_seconds):
                return await _receive(http, request, bounds.max_answer_bytes)
        except TimeoutError as error:
            raise TransportFault(Meaning.SILENT, sent=progress.sent, detail="total time-out") from error
        except TransportFault:
            raise
        except Exception as error:
            # The exception's text may hold an address; its class is enough for the log.
            raise TransportFault(meaning_of(error), sent=progress.sent, detail=type(error).__name__) from error

    def _connect_seconds(self, bounds: Bounds) -> float:
        # TCP and TLS each have this long, so half of the total ends both by httpx's own hand: a handshake that is
        # cancelled from outside leaves its socket to the garbage collector.
        return min(self._limits.connect_timeout_seconds, bounds.total_seconds / 2)


async def _receive(http: httpx.AsyncClient, request: httpx.Request, max_bytes: int) -> HttpAnswer:
    response = await http.send(request, stream=True)
    try:
        _refuse_encoding(response)
        body = await _bounded_body(response, max_bytes)
    finally:
        await response.aclose()
    return HttpAnswer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


def _refuse_encoding(response: httpx.Response) -> None:
    # We asked for identity; unpacking has no limit in httpx, so a packed answer is not unpacked at all.
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in {"identity", ""}:
        raise TransportFault(Meaning.UNREADABLE, sent=True, detail="packed answer")


async def _bounded_body(response: httpx.Response, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > max_bytes:
            raise TransportFault(Meaning.UNREADABLE, sent=True, detail="answer too large")
    return bytes(body)
