"""Fetches small public documents, such as an issuer's keys: one GET of bounded size and time, without redirects."""

import asyncio
import socket
from http import HTTPStatus
from pathlib import Path

import httpx

from core.secret import Secret
from upstreams.http.tls import chain, tls_context, tls_failure

_LARGEST_BYTES = 256 * 1024
_CONNECT_SECONDS = 2.0
_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "brokergraph"}


class FetchFailed(Exception):
    """The document could not be fetched. The message has the reason, and quotes nothing of the answer."""


class Fetcher:
    """Fetch the document. FetchFailed is the only error, whatever the server answers."""

    def __init__(self, ca_file: Path | None = None, proxy: Secret | None = None) -> None:
        self._way = "" if proxy is None else " (through the proxy)"
        self._client = httpx.AsyncClient(
            verify=tls_context(ca_file),
            proxy=None if proxy is None else proxy.reveal(),
            trust_env=False,
            headers=_HEADERS,
            # Each request has its own connection: a document does not name its issuer, and a host may serve several.
            limits=httpx.Limits(max_connections=4, max_keepalive_connections=0),
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def get(self, url: str, *, seconds: float) -> bytes:
        """The body of an answer with status 200."""
        timeout = httpx.Timeout(seconds, connect=_CONNECT_SECONDS)
        try:
            async with asyncio.timeout(seconds), self._client.stream("GET", url, timeout=timeout) as answer:
                return await _body(answer)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise FetchFailed(f"{_problem(error)}{self._way}") from error


async def _body(answer: httpx.Response) -> bytes:
    if answer.status_code != HTTPStatus.OK:
        raise FetchFailed(f"status {answer.status_code}")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchFailed("packed answer")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > _LARGEST_BYTES:
            raise FetchFailed("answer too large")
    return bytes(body)


def _problem(error: BaseException) -> str:
    """The cause without any text of the other side. It may hold an address."""
    if found := tls_failure(error):
        return found
    if any(isinstance(one, socket.gaierror) for one in chain(error)):
        return "unknown host name"
    if isinstance(error, httpx.ProxyError):
        status = str(error)[:3]
        return f"the proxy refuses the connection: status {status}" if status.isdigit() else "the proxy refuses"
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "no answer in time"
    return "cannot be reached" if isinstance(error, httpx.ConnectError) else type(error).__name__
