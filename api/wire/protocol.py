"""uvicorn's protocol with bounds, against slow and silent clients, too many clients, and too many bytes.

uvicorn waits for ever for the rest of a request, and for a client that does not read. It accepts unlimited headers.
Here each phase of a connection has a time-out:

    headers   from the first byte (or from the connection) to the empty line     408
    body      from the empty line to the last byte                               408
    answer    belongs to the application, which has a deadline of its own
    reading   while the client does not read the answer (closing.py)
    idle      between two requests: uvicorn's keep-alive

uvicorn also queues pipelined requests without limit; here a few are accepted, then the connection is closed.
"""

import asyncio
from enum import Enum, auto
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from api.settings.http import HttpSection
from api.wire.closing import ClosingProtocol
from api.wire.framing import ambiguity, final_response
from api.wire.request_state import state_of

if TYPE_CHECKING:
    from starlette.types import Scope

# The maximum of pipelined requests. Browsers and proxies do not pipeline; each request costs memory and time.
_MOST_AHEAD: Final = 16
# The only address with WebSockets.
_STREAMS: Final = b"/graphql"
_NOT_HEARD_OUT: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.SERVICE_UNAVAILABLE)


class _Phase(Enum):
    """The phase of the current request; IDLE if none has begun."""

    IDLE = auto()
    HEADERS = auto()
    BODY = auto()


class _TooMuch(Exception):
    """The request is too large or malformed. The exception stops the parser, which has no other way to stop."""


class BoundedProtocol(ClosingProtocol):
    """The protocol of one connection, with a time-out for each phase of a request."""

    def __init__(self, *arguments: Any, limits: HttpSection, **more: Any) -> None:
        super().__init__(*arguments, limits=limits, **more)
        self._phase = _Phase.IDLE
        self._completed = False
        self._header_bytes = 0
        self._status = HTTPStatus.BAD_REQUEST
        self._message: str | None = None
        # What load shedding read from the last request that it refused.
        self._post: Any = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._limits.max_connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._await_part(self._limits.header_timeout_seconds)

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_over() or self._refuse_whole(data):
            return
        before = self._phase
        super().data_received(data)
        if self._is_over():
            return
        if before is self._phase is _Phase.HEADERS and not self._completed:
            # An incomplete header is only in the parser, which does not report its length.
            self._header_bytes += len(data)
            if self._header_bytes > self._limits.max_header_bytes:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return
        self._wait(before)

    def _refuse_whole(self, data: bytes) -> bool:
        """Refuse a complete request in an overload, without parsing it for an answer. The parser of the connection is
        between two requests, and does not see this one. The timer of the idle connection continues (closing.py).
        """
        tasks = len(self.tasks)
        if not self._shedding or not self._shedding.may_refuse(tasks) or self._draining.is_on:
            return False
        running = self._running
        if self._phase is not _Phase.IDLE or running is None or not running.response_complete or self.flow.write_paused:
            return False
        refused = self._shedding.whole_refusal(data, self._post, tasks)
        if refused is None:
            return False
        refusal, self._post = refused
        self.transport.write(refusal)
        self._used_at = self.loop.time()
        self.server_state.total_requests += 1
        return True

    def _wait(self, before: "_Phase") -> None:
        """Start the timer for the missing part of a request. A complete request needs no timer."""
        whole, self._completed = self._completed, False
        if whole:
            self._stop_timer()
        if whole and self._phase is _Phase.IDLE:
            return
        if self._timer is None or self._phase is not before:
            self._await_part(
                self._limits.body_timeout_seconds if self._phase is _Phase.BODY else self._limits.header_timeout_seconds
            )

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase, self._header_bytes = _Phase.HEADERS, 0

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        """The code of uvicorn with bounds. It is copied instead of called, because a second call for each header is
        measurable.
        """
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))
        if len(self.headers) > self._limits.max_headers:
            self._status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise _TooMuch

    @override
    def on_headers_complete(self) -> None:
        if self._is_over():
            # The answer to an earlier request of the same bytes was the last one.
            return
        size = len(self.url) + sum(map(len, chain.from_iterable(self.headers)))
        if size > self._limits.max_header_bytes:
            self._status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise _TooMuch
        found = ambiguity(self.parser.get_http_version(), self.headers, upgrades=self.parser.should_upgrade())
        if found is not None:
            self._status, self._message = found
            raise _TooMuch
        if len(self.pipeline) >= _MOST_AHEAD:
            raise _TooMuch
        self._phase = _Phase.BODY
        # HTTP/1.0 has no interim answers.
        self.expect_100_continue = self.expect_100_continue and self.parser.get_http_version() == "1.1"
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        self._phase, self._completed = _Phase.IDLE, True
        state_of(cast("Scope", self.scope)).is_whole = True
        super().on_message_complete()

    @override
    def handle_websocket_upgrade(self) -> None:
        if self.url.partition(b"?")[0] != _STREAMS:
            self._message = "No WebSocket is served here."
            self._refuse(HTTPStatus.FORBIDDEN)
            return
        self._stop_timer()
        # The WebSocket protocol gets all later bytes.
        self._is_ending = True
        super().handle_websocket_upgrade()

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(self._status)

    def _await_part(self, seconds: float) -> None:
        self._start_timer(seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self.pipeline:
            # The timer does not count while the server does not read, because it still answers an earlier request of
            # the connection.
            self._await_part(self._limits.body_timeout_seconds)
            return
        if self._phase is _Phase.IDLE or self._has_begun_to_answer():
            self._close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _has_begun_to_answer(self) -> bool:
        return self._phase is _Phase.BODY and bool(getattr(self.cycle, "response_started", False))

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer without the application, and close the connection."""
        owed = self._owed()
        if owed is not None:
            # If this answer were written now, the client would read it as the answer to the earlier request. uvicorn
            # closes the connection after that answer.
            owed.keep_alive = False
            self._is_ending = True
            self.pipeline.clear()
            self._stop_timer()
            return
        self.transport.write(final_response(status, self._message))
        # Because connections are held only for clients that send, a slow client and one too many are not heard out.
        if self._phase is _Phase.HEADERS and status not in _NOT_HEARD_OUT:
            self._linger()
        else:
            self._close()

    def _owed(self) -> RequestResponseCycle | None:
        """Whether an earlier request is not answered yet, or an answer has begun."""
        cycle = self._running
        if cycle is None or cycle.response_complete:
            return None
        is_of_this_request = cycle is self.cycle and self._phase is _Phase.BODY
        return cycle if cycle.response_started or not is_of_this_request else None
