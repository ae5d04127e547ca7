"""uvicorn's protocol with bounds, against slow and silent clients, too many clients, and too many bytes.

uvicorn waits for ever for the rest of a request, and for a client that does not read. It accepts unlimited headers.
Here each phase of a connection has a time-out:

    headers   from the first byte (or from the connection) to the empty line     408
    body      from the empty line to the last byte                               408
    answer    belongs to the application, which has a deadline of its own
    reading   while the client does not read the answer; then the connection is closed
    idle      between two requests: uvicorn's keep-alive

uvicorn also queues pipelined requests without limit; here a few are accepted, then the connection is closed.
"""

import asyncio
import weakref
from enum import Enum, auto
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast

from typing_extensions import override
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.settings.http import HttpSection
from api.wire.cycle import BoundedCycle
from api.wire.framing import ambiguity, final_response
from api.wire.request_state import state_of

if TYPE_CHECKING:
    from starlette.types import Scope

# The maximum of pipelined requests. Browsers and proxies do not pipeline; each request costs memory and time.
_MOST_AHEAD: Final = 16
# How long the rest of a request is discarded behind the last answer.
_LINGER_SECONDS: Final = 5.0
_NOT_HEARD_OUT: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.SERVICE_UNAVAILABLE)


class _Phase(Enum):
    """The phase of the current request; IDLE if none has begun."""

    IDLE = auto()
    HEADERS = auto()
    BODY = auto()


class _TooMuch(Exception):
    """The request is too large or malformed. The exception stops the parser, which has no other way to stop."""


class BoundedProtocol(HttpToolsProtocol):
    """The protocol of one connection."""

    def __init__(self, *arguments: Any, limits: HttpSection, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._limits = limits
        self._running: RequestResponseCycle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._phase = _Phase.IDLE
        self._completed = False
        self._stalled: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._status = HTTPStatus.BAD_REQUEST
        self._message: str | None = None
        self._is_ending = False

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._limits.max_connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._within(self._limits.header_timeout_seconds)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._stop_stalled()
        if self._running is not None and not self._running.response_complete:
            # uvicorn notifies only the last request. With pipelined requests this is not the request that is being
            # answered.
            self._running.disconnected = True
            self._running.message_event.set()
            if lifetime := state_of(cast("Scope", self._running.scope)).lifetime:
                lifetime.disconnect()
        super().connection_lost(exc)

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        # uvicorn has no parameter for the class.
        cycle.__class__ = BoundedCycle
        state_of(cast("Scope", cycle.scope)).cycle = weakref.ref(cycle)
        super()._start_asgi_task(cycle, app)

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_over():
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

    def _is_over(self) -> bool:
        """Whether no more bytes of this client are read."""
        return self._is_ending or self.transport.is_closing()

    def _wait(self, before: "_Phase") -> None:
        """Start the timer for the missing part of a request. A complete request needs no timer."""
        whole, self._completed = self._completed, False
        if whole:
            self._stop_timer()
        if whole and self._phase is _Phase.IDLE:
            return
        if self._timer is None or self._phase is not before:
            self._within(
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
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            # It was to be the last answer, and the client may never take it.
            self._close()
        elif getattr(self._running, "lingers", False):
            self._linger()

    @override
    def handle_websocket_upgrade(self) -> None:
        self._message = "No WebSocket is served here."
        self._refuse(HTTPStatus.FORBIDDEN)

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(self._status)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._stop_stalled()
        self._stalled = self.loop.call_later(self._limits.body_timeout_seconds, self._abort)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_stalled()

    def _stop_stalled(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    @override
    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _within(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if self.pipeline:
            # The timer does not count while the server does not read, because it still answers an earlier request of
            # the connection.
            self._within(self._limits.body_timeout_seconds)
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

    def _abort(self) -> None:
        if self._running is not None:
            # uvloop warns about a write between this call and its report of the lost connection.
            self._running.disconnected = True
        self.transport.abort()

    def _linger(self) -> None:
        """End the connection, but discard for a while what the client still sends.

        A connection that is closed with unread bytes is reset, and the client may lose the answer.
        """
        self._is_ending = True
        self._unset_keepalive_if_required()
        self._stop_timer()
        self.transport.write_eof()
        self._timer = self.loop.call_later(_LINGER_SECONDS, self._close)

    def _close(self) -> None:
        """Close the connection after the client has read all bytes, or after a time-out."""
        self._stop_timer()
        if not self.transport.is_closing():
            self.transport.close()
        self._timer = self.loop.call_later(self._limits.body_timeout_seconds, self._abort)
