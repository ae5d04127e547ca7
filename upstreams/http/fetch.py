"""Fetches small public documents, such as an issuer's keys: one GET of bounded size and time, without redirects."""

from http import HTTPStatus

from upstreams.http.http1 import ExchangeBounds
from upstreams.http.limits import Limits
from upstreams.http.request import HttpRequest
from upstreams.http.transport import Transport
from upstreams.http.transport_errors import TransportFault

_LARGEST_BYTES = 256 * 1024
_GET = HttpRequest("GET", "/")
_LIMITS = Limits(connect_timeout_seconds=2.0, max_in_flight=4)


class FetchFailed(Exception):
    """The document could not be fetched. The message has the reason, and quotes nothing of the answer."""


class Fetcher:
    """Fetch the document. FetchFailed is the only error, whatever the server answers."""

    def __init__(self) -> None:
        self._transport = Transport(_LIMITS)

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def get(self, url: str, *, seconds: float) -> bytes:
        """The body of an answer with status 200."""
        bounds = ExchangeBounds(read_seconds=seconds, total_seconds=seconds, max_answer_bytes=_LARGEST_BYTES)
        try:
            # The request has its own connection: a document does not name its issuer, and a host may serve several.
            answer = await self._transport.exchange(_GET, url, bounds, lane=None)
        except TransportFault as fault:
            raise FetchFailed(fault.detail) from fault
        if answer.status != HTTPStatus.OK:
            raise FetchFailed(f"status {answer.status}")
        return answer.body
