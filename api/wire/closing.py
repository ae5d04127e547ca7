"""How a connection ends. uvicorn waits for ever for a client that does not read, and closes with unread bytes.

    stalled   the client does not read the answer: the connection is aborted after a time-out
    lingers   the last answer is written, but the client still sends: its bytes are discarded for a while
    closed    after the client has read all bytes, or after a time-out

The bounds of a request are in protocol.py.
"""

import asyncio
import random
import socket
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from typing_extensions import override
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.draining import Draining
from api.settings.http import HttpSection
from api.wire.cycle import BoundedCycle
from api.wire.direct_write import write_refusal
from api.wire.request_state import state_of

if TYPE_CHECKING:
    from starlette.types import Scope

# How long the rest of a request is discarded behind the last answer.
_LINGER_SECONDS: Final = 5.0
_STREAM_BUFFER_BYTES: Final = 64 * 1024
# How long the first request of a new connection is awaited when the server stops.
_FIRST_REQUEST_SECONDS: Final = 1.0
# In this time streams end one after the other when the server stops.
SPREAD_SECONDS: Final = 2.0


def bound_send_buffer(transport: asyncio.Transport) -> None:
    """Let the kernel hold little for a client that does not read a stream. It would hold up to 4 MB."""
    found = transport.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _STREAM_BUFFER_BYTES)


class ClosingProtocol(HttpToolsProtocol):
    """A connection, the request that is being answered on it, and one timer: for what the connection waits for next."""

    def __init__(self, *arguments: Any, limits: HttpSection, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._limits = limits
        self._running: RequestResponseCycle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._is_ending = False
        self._is_stopping = False
        self._shedding: Any = self.app_state.get("shedding")
        self._draining: Draining = self.app_state.get("draining") or Draining(0)
        # When the connection was used last, if this did not restart uvicorn's keep-alive timer.
        self._used_at = float("-inf")

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
    def shutdown(self) -> None:
        self._is_stopping = True
        if self.cycle is None:
            # The first request of a new connection may be on its way. Its client could not tell whether it was read.
            self.loop.call_later(_FIRST_REQUEST_SECONDS, self._shut_down)
        else:
            self._shut_down()

    def _shut_down(self) -> None:
        if self.transport.is_closing():
            return
        present: Any = self.transport.get_protocol()
        if present is not self:
            # The first request has made a WebSocket of the connection.
            present.shutdown()
            return
        super().shutdown()
        # Clients that connect again then do not all come at the same moment.
        delay = random.random() * SPREAD_SECONDS  # noqa: S311 - the delay is not a secret.
        self.loop.call_later(delay, self._end_stream)

    def _end_stream(self) -> None:
        end = None if self._running is None else state_of(cast("Scope", self._running.scope)).end_stream
        if end is not None:
            end()

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Start the task of a request, or write its refusal, which needs no task."""
        self._running = cycle
        # uvicorn has no parameter for the class.
        cycle.__class__ = BoundedCycle
        scope = cast("Scope", cycle.scope)
        if self._draining.is_on or (self._is_stopping and not self.pipeline):
            cycle.keep_alive = False
        if self._shedding and (refusal := self._shedding.refusal(scope, len(self.tasks))):
            write_refusal(cast("BoundedCycle", cycle), refusal.status_code, refusal.headers, refusal.body)
            return
        state_of(scope).cycle = weakref.ref(cycle)
        super()._start_asgi_task(cycle, app)

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            # It was to be the last answer, and the client may never take it.
            self._close()
        elif getattr(self._running, "lingers", False):
            self._linger()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._stop_stalled()
        self._stalled = self.loop.call_later(self._limits.body_timeout_seconds, self._abort)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_stalled()

    @override
    def timeout_keep_alive_handler(self) -> None:
        """Close the idle connection, or wait for the rest of its time.

        A refusal only notes its time, because a restart of the timer costs ten times as much.
        """
        rest = self._used_at + self.timeout_keep_alive - self.loop.time()
        if rest > 0:
            self.timeout_keep_alive_task = self.loop.call_later(rest, self.timeout_keep_alive_handler)
        else:
            self._close()

    def _is_over(self) -> bool:
        """Whether no more bytes of this client are read."""
        return self._is_ending or self.transport.is_closing()

    def _start_timer(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, then)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_stalled(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

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
        self.transport.write_eof()
        self._start_timer(_LINGER_SECONDS, self._close)

    def _close(self) -> None:
        """Close the connection after the client has read all bytes, or after a time-out."""
        if not self.transport.is_closing():
            self.transport.close()
        self._start_timer(self._limits.body_timeout_seconds, self._abort)
