"""The direct write of a complete answer: headers and body in one call.

By ASGI an answer is two messages through all layers, and two system calls.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, cast

from starlette.types import Scope

from api.wire.cycle import NOSNIFF, BoundedCycle, leaves_body
from api.wire.request_state import state_of

_LARGE: Final = 1 << 18
NO_BODY: Final = frozenset({204, 304})
_FIRST_LINES: Final[Mapping[int, bytes]] = {
    status: b"HTTP/1.1 %d %s\r\n%s: %s\r\n" % (status, status.phrase.encode(), *NOSNIFF) for status in HTTPStatus
}
# The characters that uvicorn rejects in header values. Only a text from outside can have them.
_BREAKS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def head(status: int, headers: Mapping[str, str], length: int) -> bytes:
    """The status line and the headers, with Content-Length if it is allowed."""
    if _BREAKS.search("".join(headers.values())):
        raise RuntimeError("A header's value has a line break.")
    lines = [f"{name.lower()}: {value}\r\n" for name, value in headers.items()]
    if status not in NO_BODY:
        lines.append(f"content-length: {length}\r\n")
    lines.append("\r\n")
    return _FIRST_LINES[status] + "".join(lines).encode("latin-1")


def write_at_once(scope: Scope, status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Write the answer if this is possible. False: the answer must be sent by ASGI messages."""
    reference = state_of(scope).cycle
    cycle = None if reference is None else reference()
    if cycle is None or not _is_usual(cycle):
        return False
    _write(cycle, head(status, headers, len(body)), body)
    return True


def write_refusal(cycle: BoundedCycle, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Write the answer to a request that has no task, whether its body has arrived or not."""
    keeps = not cycle.must_linger() and cycle.keep_alive
    first = head(status, headers if keeps else {**headers, "Connection": "close"}, len(body))
    _write(cycle, first, b"" if cast("Scope", cycle.scope)["method"] == "HEAD" else body)


def _write(cycle: Any, first: bytes, body: bytes) -> None:
    """The work of uvicorn's `send` for a last message."""
    cycle.waiting_for_100_continue = False
    cycle.response_started = cycle.response_complete = True
    if len(body) < _LARGE:
        cycle.transport.write(first + body)
    else:
        # For a large body, a copy costs more than a second system call.
        cycle.transport.write(first)
        cycle.transport.write(body)
    cycle.message_event.set()
    if not (cycle.keep_alive or cycle.lingers):
        cycle.transport.close()
    cycle.on_response()


def _is_usual(cycle: Any) -> bool:
    """The client is connected, has read all earlier bytes, and keeps the connection."""
    return (
        cycle.keep_alive
        and not cycle.disconnected
        and not cycle.response_started
        and not cycle.flow.write_paused
        and not cycle.default_headers
        and cycle.scope["method"] != "HEAD"
        and not leaves_body(cycle)
    )
