"""The transport of one vendor connection. Only this module, http1.py and transport_errors.py know httpx.

Every error of the HTTP stack becomes a TransportFault. It says whether a byte of the request was sent: an unsent write
may be repeated, and a sent one may have been applied.
"""

import asyncio
import ssl
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import msgspec

from upstreams.http.http1 import PORTS, ExchangeBounds, Http1Transport, Origin, WholeAnswer, encode_request
from upstreams.http.limits import Limits
from upstreams.http.network import DIRECT, Network
from upstreams.http.request import HttpRequest
from upstreams.http.tls import tls_context, tls_failure
from upstreams.http.transport_errors import Meaning, TransportFault, meaning_of

# Some vendors close idle connections after 5 s (uvicorn's default). We close earlier, so that a read seldom uses a
# connection that the vendor is closing.
KEEP_ALIVE_SECONDS = 4.0
_LAST_ON_ITS_CONNECTION: Mapping[str, str] = {"connection": "close"}
_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "brokergraph"}


class HttpAnswer(msgspec.Struct, frozen=True):
    """A complete answer of any status, with lower-case header names. The repr hides the body, a possible secret."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"HttpAnswer(status={self.status}, {len(self.body)} bytes)"


class _Progress:
    """Records, by httpcore's trace, when the first byte of a request is passed to the socket."""

    def __init__(self) -> None:
        self.sent = False

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        # A proxy first gets a CONNECT of its own, which is no byte of the request.
        if event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
            self.sent = True


def _no_cookies() -> CookieJar:
    # A vendor's cookie would connect the calls of different clients.
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


def _http(limits: Limits, network: Network, context: ssl.SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=context,
        proxy=None if network.proxy is None else network.proxy.reveal(),
        cookies=_no_cookies(),
        trust_env=False,
        follow_redirects=False,
        headers=_HEADERS,
        limits=httpx.Limits(max_connections=limits.max_in_flight, max_keepalive_connections=0),
    )


class Transport:
    """Sends requests to one vendor.

    - Reads use the HTTP/1.1 transport and share pooled connections. A read whose answer does not name its client or
      account has its own connection.
    - Every write has its own connection. If the vendor closed a pooled connection at that moment, an unsent write would
      be in doubt.
    - Writes use httpx's own transport, which reports when the first byte is sent. Behind a proxy reads use it as well.
    """

    def __init__(self, limits: Limits, network: Network = DIRECT) -> None:
        self._limits = limits
        self._has_proxy = network.proxy is not None
        # To read the certificates takes longer than the rest of a connection's start.
        context = tls_context(network.ca_file)
        self._reading = Http1Transport(context, keep_alive_seconds=KEEP_ALIVE_SECONDS)
        self._client = _http(limits, network, context)
        self._origins: dict[str, tuple[Origin, bytes]] = {}

    def distrust(self, lane: str) -> None:
        """Close the idle connections of this lane, because an answer on one of them did not match its request."""
        self._reading.distrust(lane)

    async def aclose(self) -> None:
        await self._reading.aclose()
        await self._client.aclose()

    async def exchange(self, request: HttpRequest, url: str, bounds: ExchangeBounds, *, lane: str | None) -> HttpAnswer:
        """One HTTP exchange within a total time. httpx has no total time-out: its read time-out restarts with each
        chunk.

        Reads of one lane share pooled connections. A read with lane None has its own connection. Raises TransportFault.
        A cancelled exchange closes its connection.
        """
        progress = _Progress()
        try:
            if request.writes or self._has_proxy:
                async with asyncio.timeout(bounds.total_seconds):
                    sent = self._build(request, url, bounds, progress)
                    return await _receive(await self._client.send(sent, stream=True), bounds.max_answer_bytes)
            return await self._read(request, url, bounds, lane)
        except TransportFault:
            raise
        except Exception as error:
            raise fault_of(error, sent=progress.sent) from error

    def _build(self, request: HttpRequest, url: str, bounds: ExchangeBounds, progress: _Progress) -> httpx.Request:
        return self._client.build_request(
            request.method,
            url,
            headers=dict(request.headers),
            content=request.content,
            # A request fits into the socket's buffer, so that writing it takes no longer than a handshake, unless the
            # vendor is unreachable. The bound also gives the latest arrival of a repeat with a vendor's key.
            timeout=httpx.Timeout(
                bounds.read_seconds, connect=self._connect_seconds(bounds), write=self._connect_seconds(bounds)
            ),
            extensions={"trace": progress},
        )

    async def _read(self, request: HttpRequest, url: str, bounds: ExchangeBounds, lane: str | None) -> HttpAnswer:
        """Read without httpx's client, request and response, which cost more than the transport of a small call."""
        origin, written = self.encode(request, url, {} if lane is not None else _LAST_ON_ITS_CONNECTION)
        return answer_of(
            await self._reading.exchange(
                origin, written, bounds, connect_seconds=self._connect_seconds(bounds), lane=lane
            )
        )

    def encode(self, request: HttpRequest, url: str, more: Mapping[str, str]) -> tuple[Origin, bytes]:
        """The origin and the bytes of a request, with `more` headers."""
        origin, host, target = self._split(url)
        content = request.content or b""
        sent = {**_HEADERS, **request.headers, **more}
        if content or request.method != "GET":
            sent["content-length"] = str(len(content))
        lines = [(b"host", host), *((name.encode("ascii"), value.encode("ascii")) for name, value in sent.items())]
        return origin, encode_request(request.method, target, lines, content)

    def _split(self, url: str) -> tuple[Origin, bytes, bytes]:
        """The origin, the host and the target of an address. The settings bound the number of origins."""
        slash = url.find("/", len("https://"))
        before, after = (url, "/") if slash < 0 else (url[:slash], url[slash:])
        known = self._origins.get(before)
        if known is None:
            parts = httpx.URL(before)
            origin = (parts.scheme, parts.host, parts.port or PORTS[parts.scheme])
            known = self._origins[before] = (origin, parts.netloc)
        return (*known, after.encode("ascii") if after.isascii() else httpx.URL(url).raw_path)

    def _connect_seconds(self, bounds: ExchangeBounds) -> float:
        # TCP and TLS have this time each, so that httpx itself ends both within the total time. If a handshake is
        # cancelled from outside, only the garbage collector closes its socket.
        return min(self._limits.connect_timeout_seconds, bounds.total_seconds / 2)


def fault_of(error: Exception, *, sent: bool) -> TransportFault:
    """The fault for an error of the HTTP stack."""
    if isinstance(error, TimeoutError):
        return TransportFault(Meaning.SILENT, sent=sent, detail="total time-out")
    # The exception's text may hold an address, so that only its class is logged.
    return TransportFault(meaning_of(error), sent=sent, detail=tls_failure(error) or type(error).__name__)


def answer_of(whole: WholeAnswer) -> HttpAnswer:
    status, found, body = whole
    answer = HttpAnswer(status, join_headers(found), body)
    _refuse_encoding(answer.headers)
    return answer


async def _receive(response: httpx.Response, max_bytes: int) -> HttpAnswer:
    try:
        headers = {name.lower(): value for name, value in response.headers.items()}
        _refuse_encoding(headers)
        body = await _bounded_body(response, max_bytes)
    finally:
        await response.aclose()
    return HttpAnswer(response.status_code, headers, body)


def join_headers(found: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as text. Values of a repeated header are joined with a comma."""
    headers: dict[str, str] = {}
    for name, value in found:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _refuse_encoding(headers: Mapping[str, str]) -> None:
    # We request the coding identity. Because httpx decompresses without a limit, a compressed answer is refused.
    if headers.get("content-encoding", "identity").lower() not in {"identity", ""}:
        raise TransportFault(Meaning.UNREADABLE, sent=True, detail="packed answer")


async def _bounded_body(response: httpx.Response, max_bytes: int) -> bytes:
    body = bytearray()
    # `aiter_raw` is not used, because it costs more than the transport of a small answer.
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for chunk in response.stream:
        body += chunk
        if len(body) > max_bytes:
            raise TransportFault(Meaning.UNREADABLE, sent=True, detail="answer too large")
    return bytes(body)
