"""Bytes to a vendor and bytes back: with http1.py and transport_errors.py the one place that knows httpx.

Whatever the HTTP stack raises leaves here as a TransportFault that answers one question besides its words: had a byte
of the request left us? A write that never left may be repeated; one that did may have been applied.
"""

import asyncio
import functools
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
import msgspec

from upstreams.http.http1 import PORTS, Http1Transport, Origin, encode_request
from upstreams.http.limits import Limits
from upstreams.http.transport_errors import Meaning, TransportFault, meaning_of

# Vendors close idle connections after as little as 5 s (uvicorn's default); we let go sooner than they do, so that a
# read seldom meets a connection that is being closed under it.
KEEP_ALIVE_SECONDS = 4.0
_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "brokergraph"}


class HttpAnswer(msgspec.Struct, frozen=True):
    """A complete answer of any status. Header names are lower-case. The body may hold secrets: it has no repr."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"HttpAnswer(status={self.status}, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True)
class ExchangeBounds:
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


def _http(limits: Limits) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=_tls(),
        cookies=_no_cookies(),
        trust_env=False,
        follow_redirects=False,
        headers=_HEADERS,
        limits=httpx.Limits(
            max_connections=limits.max_in_flight,
            max_keepalive_connections=0,
        ),
    )


class Transport:
    """The way to one vendor. Reads have a transport that is made for many small ones, and share kept connections, but
    for those whose answer nobody could tell from another's. Every write has a connection of its own, because a kept
    connection that the vendor closes at that moment would turn an unsent write into one in doubt, and httpx's own
    transport, which says when the first byte leaves.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._reading = Http1Transport(_tls(), keep_alive_seconds=KEEP_ALIVE_SECONDS)
        self._writing = _http(limits)
        self._origins: dict[str, tuple[Origin, bytes]] = {}

    def distrust(self, lane: str) -> None:
        """Use no connection again that is kept for this lane: what came on one of them does not fit what was asked."""
        self._reading.distrust(lane)

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
        bounds: ExchangeBounds,
        lane: str | None,
        writes: bool,
    ) -> HttpAnswer:
        """One HTTP exchange within a total time, which httpx alone does not keep: its read time-out restarts with each
        chunk. Reads of one lane share kept connections; None is for one that has its own. Raises TransportFault;
        CancelledError passes and leaves no connection behind.
        """
        progress = _Progress()
        try:
            if writes:
                async with asyncio.timeout(bounds.total_seconds):
                    request = self._writing_request(method, url, headers, content, bounds, progress)
                    return await _receive(await self._writing.send(request, stream=True), bounds.max_answer_bytes)
            return await self._read(method, url, headers, content, bounds, lane)
        except TimeoutError as error:
            raise TransportFault(Meaning.SILENT, sent=progress.sent, detail="total time-out") from error
        except TransportFault:
            raise
        except Exception as error:
            # The exception's text may hold an address; its class is enough for the log.
            raise TransportFault(meaning_of(error), sent=progress.sent, detail=type(error).__name__) from error

    def _writing_request(  # noqa: PLR0913, PLR0917 - the parts of a request.
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        bounds: ExchangeBounds,
        progress: _Progress,
    ) -> httpx.Request:
        return self._writing.build_request(
            method,
            url,
            headers=dict(headers),
            content=content,
            # A request's bytes fit into the socket's buffer: who does not take them in the time of a handshake is as
            # good as unreachable, and a repeat with a vendor's key has to know when it arrives at the latest.
            timeout=httpx.Timeout(
                bounds.read_seconds, connect=self._connect_seconds(bounds), write=self._connect_seconds(bounds)
            ),
            extensions={"trace": progress},
        )

    async def _read(  # noqa: PLR0913, PLR0917 - the parts of a request.
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        bounds: ExchangeBounds,
        lane: str | None,
    ) -> HttpAnswer:
        """Without httpx's client, request and response, whose share of a small call is larger than the transport's."""
        origin, host, target = self._split(url)
        sent = {**_HEADERS, **headers}
        if lane is None:
            sent["connection"] = "close"
        if content is not None or method != "GET":
            sent["content-length"] = str(len(content or b""))
        lines = [(b"host", host), *((name.encode("ascii"), value.encode("ascii")) for name, value in sent.items())]
        status, found, body = await self._reading.exchange(
            origin,
            encode_request(method, target, lines, content or b""),
            lane=lane,
            connect=self._connect_seconds(bounds),
            silence=bounds.read_seconds,
            total=bounds.total_seconds,
            most=bounds.max_answer_bytes,
        )
        answer = HttpAnswer(status, _join_headers(found), body)
        _refuse_encoding(answer.headers)
        return answer

    def _split(self, url: str) -> tuple[Origin, bytes, bytes]:
        """Where to connect, whom to name and what to ask for. There are as many origins as settings name."""
        slash = url.find("/", len("https://"))
        before, after = (url, "/") if slash < 0 else (url[:slash], url[slash:])
        known = self._origins.get(before)
        if known is None:
            parts = httpx.URL(before)
            origin = (parts.scheme, parts.host, parts.port or PORTS[parts.scheme])
            known = self._origins[before] = (origin, parts.netloc)
        return (*known, after.encode("ascii") if after.isascii() else httpx.URL(url).raw_path)

    def _connect_seconds(self, bounds: ExchangeBounds) -> float:
        # TCP and TLS each have this long, so half of the total ends both by httpx's own hand: a handshake that is
        # cancelled from outside leaves its socket to the garbage collector.
        return min(self._limits.connect_timeout_seconds, bounds.total_seconds / 2)


async def _receive(response: httpx.Response, max_bytes: int) -> HttpAnswer:
    try:
        headers = {name.lower(): value for name, value in response.headers.items()}
        _refuse_encoding(headers)
        body = await _bounded_body(response, max_bytes)
    finally:
        await response.aclose()
    return HttpAnswer(response.status_code, headers, body)


def _join_headers(found: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as text; one that comes twice is one with a comma."""
    headers: dict[str, str] = {}
    for name, value in found:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _refuse_encoding(headers: Mapping[str, str]) -> None:
    # We asked for identity; unpacking has no limit in httpx, so a packed answer is not unpacked at all.
    if headers.get("content-encoding", "identity").lower() not in {"identity", ""}:
        raise TransportFault(Meaning.UNREADABLE, sent=True, detail="packed answer")


async def _bounded_body(response: httpx.Response, max_bytes: int) -> bytes:
    body = bytearray()
    # Not `aiter_raw`, which costs a small answer more than its transport.
    async for chunk in response.stream:  # type: ignore[union-attr]
        body += chunk
        if len(body) > max_bytes:
            raise TransportFault(Meaning.UNREADABLE, sent=True, detail="answer too large")
    return bytes(body)
