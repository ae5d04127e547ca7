"""uvicorn's side of one request, with what every answer needs: a header against sniffing, and a good end.

An answer may come before its request's body: 401, 413, 503. A small body is read and discarded, and the connection goes
on. Otherwise the connection ends behind the answer. A client that waits for "100 Continue" may never send its body, and
the server would take the next request for that body.
"""

from typing import TYPE_CHECKING, Any, Final, cast

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from starlette.types import Scope

NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
_CLOSE: Final = (b"connection", b"close")
# To read so much costs less than another connection.
_SMALL_BYTES: Final = 64 * 1024


class BoundedCycle(RequestResponseCycle):
    """`lingers`: the connection ends behind this answer, and the rest of the body is still to be discarded."""

    lingers = False

    @override
    async def send(self, message: Any) -> None:
        if message["type"] != "http.response.start":
            await super().send(message)
            return
        headers = list(message.get("headers", ()))
        if all(name != NOSNIFF[0] for name, _ in headers):
            headers.append(NOSNIFF)
        if self.must_linger() and _CLOSE not in headers:
            headers.append(_CLOSE)
        start: Any = {**message, "headers": headers}
        await super().send(start)
        # uvicorn would close the connection itself. With unread bytes the client would lose the answer to a reset.
        self.keep_alive = self.keep_alive or self.lingers

    def must_linger(self) -> bool:
        """Decide what an answer now does about the body behind it."""
        self.lingers = self.more_body and (not self.keep_alive or leaves_body(self))
        return self.lingers


def leaves_body(cycle: RequestResponseCycle) -> bool:
    """Whether an answer now leaves a body behind that is not worth reading, or that may never come."""
    if not cycle.more_body:
        return False
    headers = dict(cast("Scope", cycle.scope)["headers"])
    is_large = b"transfer-encoding" in headers or int(headers.get(b"content-length", 0)) > _SMALL_BYTES
    return cycle.waiting_for_100_continue or is_large
