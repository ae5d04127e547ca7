"""Bytes to a vendor and bytes back: with small_calls.py and transport_faults.py the one place that knows httpx.

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

from upstreams.config import Limits
from upstreams.small_calls import SmallCalls
from upstreams.transport_faults import Meaning, TransportFault, meaning_of

# Vendors close idle connections after as little as 5 s (uvicorn's default); we let go sooner than they do, so that a
# read seldom meets a connection that is being closed under it.
KEEP_ALIVE_SECONDS = 4.0
_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "brokergraph"}


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
    """The way to one vendor. Reads share kept connections and a transport that is made for many small ones; every write
    has a connection of its own, because a kept connection that the vendor closes at that moment would turn an unsent
    write into one in doubt, and httpx's own transport, which says when the first byte leaves.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._reading = SmallCalls(_tls(), keep_alive_seconds=KEEP_ALIVE_SECONDS)
        self._writing = _http(limits)
        self._origins: dict[str, httpx.URL] = {}

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
        try:
            if writes:
                async with asyncio.timeout(bounds.total_seconds):
                    request = self._writing_request(method, url, headers, content, bounds, progress)
                    return await _received(await self._writing.send(request, stream=True), bounds.max_answer_bytes)
            request = self._reading_request(method, url, headers, content, bounds)
            return await _received(await self._reading.handle_async_request(request), bounds.max_answer_bytes)
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
        bounds: Bounds,
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

    def _reading_request(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, bounds: Bounds
    ) -> httpx.Request:
        """Made without httpx's client, whose share of a small call is larger than the transport's."""
        origin, target = self._split(url)
        return httpx.Request(
            method,
            origin,
            headers={**_HEADERS, **headers},
            content=content,
            extensions={
                "target": target,
                "timeout": {"connect": self._connect_seconds(bounds), "read": bounds.read_seconds},
                "total": bounds.total_seconds,
                "max_bytes": bounds.max_answer_bytes,
            },
        )

    def _split(self, url: str) -> tuple[httpx.URL, bytes]:
        """Where to connect and what to ask for. There are as many origins as settings name."""
        slash = url.find("/", len("https://"))
        before, after = (url, "/") if slash < 0 else (url[:slash], url[slash:])
        origin = self._origins.get(before)
        if origin is None:
            origin = self._origins[before] = httpx.URL(before)
        return origin, after.encode("ascii") if after.isascii() else httpx.URL(url).raw_path

    def _connect_seconds(self, bounds: Bounds) -> float:
        # TCP and TLS each have this long, so half of the total ends both by httpx's own hand: a handshake that is
        # cancelled from outside leaves its socket to the garbage collector.
        return min(self._limits.connect_timeout_seconds, bounds.total_seconds / 2)


async def _received(response: httpx.Response, max_bytes: int) -> HttpAnswer:
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
    # Not `aiter_raw`, which costs a small answer more than its transport.
    async for chunk in response.stream:  # type: ignore[union-attr]
        body += chunk
        if len(body) > max_bytes:
            raise TransportFault(Meaning.UNREADABLE, sent=True, detail="answer too large")
    return bytes(body)
