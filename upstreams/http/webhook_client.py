"""Sends messages to receivers that partners choose: one POST of bounded size and time, without redirects."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx
from typing_extensions import override

from core.secret import Secret
from upstreams.http.failures import retry_after_seconds
from upstreams.http.http1 import AnswerTooLarge, Http1Connection, encode_request
from upstreams.http.tls import tls_context, tls_failure
from upstreams.http.transport import HttpAnswer, join_headers
from upstreams.http.webhook_address import BadAddress, WebhookAddress, is_public, parse_webhook_url

_MOST_ANSWER_BYTES: Final = 32_768
_LONGEST_CONNECT_SECONDS: Final = 5.0
# Other receivers do not wait for a name that is slow to resolve.
_RESOLVING_THREADS: Final = 64
_HEADERS: Final = {"content-type": "application/json", "user-agent": "brokergraph", "connection": "close"}
Resolve = Callable[[str, int], Awaitable[list[str]]]


class WebhookFailed(Exception):
    """The receiver gave no status. The text has the reason, and quotes nothing of the address or the answer."""


class _StatusConnection(Http1Connection):
    """A connection whose answer is a status with headers. A body that is long, slow or cut off changes nothing."""

    _has_status = False

    @override
    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._has_status = self._parser.get_status_code() >= httpx.codes.OK

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data[:_MOST_ANSWER_BYTES])
        if self._size >= _MOST_ANSWER_BYTES:
            self._fail(AnswerTooLarge("answer too large"))

    @override
    def _fail(self, error: httpx.TransportError) -> None:
        self.usable = False
        if self._has_status:
            self._body = []
            self._finish()
        else:
            super()._fail(error)


class WebhookClient:
    """`resolve` gives the addresses of a name."""

    def __init__(
        self,
        *,
        allow_private: bool,
        total_seconds: float,
        context: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._total_seconds = total_seconds
        self._context = context or tls_context()
        self._threads = ThreadPoolExecutor(_RESOLVING_THREADS, "webhook-names")
        self._resolve = resolve or self._look_up

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def post(self, url: Secret, headers: Mapping[str, str], body: bytes) -> tuple[int, float | None]:
        """The status of the answer, and its Retry-After in seconds. Raises WebhookFailed."""
        try:
            address = parse_webhook_url(url, allow_private=self._allow_private)
            end = asyncio.get_running_loop().time() + self._total_seconds
            async with asyncio.timeout_at(end):
                connection = await self._connect(address)
            sent = _encode(address, headers, body)
            whole = await connection.exchange(sent, silence=self._total_seconds, end=end, most=_MOST_ANSWER_BYTES)
            connection.close()
        except BadAddress as error:
            raise WebhookFailed(f"the URL is not allowed: {error}") from None
        except (TimeoutError, httpx.HTTPError, OSError) as error:
            raise WebhookFailed(_problem(error)) from None
        status, found, _ = whole
        return status, retry_after_seconds(HttpAnswer(status, join_headers(found), b""))

    async def _connect(self, address: WebhookAddress) -> _StatusConnection:
        """A connection to the first address of the name that accepts one."""
        found = await self._resolve(address.host, address.port)
        allowed = [one for one in found if self._allow_private or is_public(one)]
        if found and not allowed:
            raise WebhookFailed("the name has a private address")
        seconds = min(_LONGEST_CONNECT_SECONDS, self._total_seconds / 2)
        loop, is_tls = asyncio.get_running_loop(), address.scheme == "https"
        # The connection goes to the checked address, and the certificate must be for the name.
        tls: Any = {"ssl": self._context, "server_hostname": address.host} if is_tls else {}
        error: Exception = OSError("no address")
        for one in allowed:
            try:
                async with asyncio.timeout(seconds):
                    _, connection = await loop.create_connection(
                        lambda: _StatusConnection(loop), one, address.port, **tls
                    )
            except OSError as reason:
                error = reason
            else:
                return connection
        raise error

    async def _look_up(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(address[0]) for *_, address in found]


def _encode(address: WebhookAddress, headers: Mapping[str, str], body: bytes) -> bytes:
    sent = {**_HEADERS, **headers, "content-length": str(len(body))}
    lines = [(b"host", address.authority), *((name.encode(), value.encode()) for name, value in sent.items())]
    return encode_request("POST", address.target, lines, body)


def _problem(error: Exception) -> str:
    if found := tls_failure(error):
        return found
    if isinstance(error, socket.gaierror):
        return "unknown host name"
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "no answer in time"
    return "dropped the connection" if isinstance(error, httpx.HTTPError) else "cannot be reached"
