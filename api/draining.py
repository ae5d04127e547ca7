"""The time between TERM and the end of the server.

TERM        not ready: `/readyz` answers 503, and each answer ends its connection
            ready for all else: new connections and requests are served, until load balancers have noticed
afterwards  uvicorn's end: no new connections, requests in flight are answered, streams end
INT         uvicorn's end at once: a person waits for it
USR1        before TERM, from the parent: another worker at the same listener takes over, so that `/readyz` stays 200
"""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import structlog

log = structlog.get_logger(__name__)

# The parent sends this signal to a worker whose successor is ready.
REPLACED: Final = signal.SIGUSR1

_Handler = Callable[[int, FrameType | None], Any]


class Draining:
    """Whether this process is about to stop. All connections read `is_on`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.is_on = False
        self.is_replaced = False

    @property
    def is_ready(self) -> bool:
        """Whether load balancers may continue to send requests to this server."""
        return self.is_replaced or not self.is_on

    def handle_signals(self) -> None:
        """Put this time before the present handler of TERM. Call it in the main thread, behind uvicorn's handlers."""
        signal.signal(REPLACED, self._note_replaced)
        stop = signal.getsignal(signal.SIGTERM)
        if self._seconds and callable(stop):
            signal.signal(signal.SIGTERM, lambda number, frame: self._begin(stop, number, frame))

    def _note_replaced(self, *_: object) -> None:
        self.is_replaced = True

    def _begin(self, stop: _Handler, number: int, frame: FrameType | None) -> None:
        # A service manager may send the signal to all processes of the service, and the parent sends it to its workers.
        if self.is_on:
            return
        self.is_on = True
        # In a thread, because a handler of signals may interrupt a line of the log.
        threading.Thread(target=self._drain, args=(stop, number, frame), daemon=True).start()

    def _drain(self, stop: _Handler, number: int, frame: FrameType | None) -> None:
        log.info("serve.draining", seconds=self._seconds)
        time.sleep(self._seconds)
        stop(number, frame)
