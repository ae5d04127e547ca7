"""Small public documents of others, such as an issuer's keys: one GET, capped, no redirects, within a total time."""

from upstreams.http.limits import Limits
from upstreams.http.transport import ExchangeBounds, Transport
from upstreams.http.transport_errors import TransportFault

_OK = 200
_LARGEST_BYTES = 256 * 1024
_LIMITS = Limits(connect_timeout_seconds=2.0, max_in_flight=4)


class FetchFailed(Exception):
    """The document could not be had; the text says why and holds nothing of what came back."""


class Fetcher:
    """Raises Unfetched, and nothing else, for whatever may be wrong at the other end."""

    def __init__(self) -> None:
        self._transport = Transport(_LIMITS)

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def get(self, url: str, *, seconds: float) -> bytes:
        """The body of a 200."""
        bounds = ExchangeBounds(read_seconds=seconds, total_seconds=seconds, max_answer_bytes=_LARGEST_BYTES)
        try:
            # No lane: a document does not say whose it is, and one host may have those of several issuers.
            answer = await self._transport.exchange(
                "GET", url, headers={}, content=None, bounds=bounds, lane=None, writes=False
            )
        except TransportFault as fault:
            raise FetchFailed(fault.detail) from fault
        if answer.status != _OK:
            raise FetchFailed(f"status {answer.status}")
        return answer.body
