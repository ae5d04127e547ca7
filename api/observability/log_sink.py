"""Writes log lines: one write for all lines of an event loop turn, instead of one write for each line."""

import asyncio
import atexit
import threading
from typing import Final, TextIO

_MOST_WAITING: Final = 100


class LogSink:
    """A logger for structlog, and a stream for the standard library's.

    Lines below the level warning are written in order at the end of an event loop turn. A warning is written
    immediately, after all waiting lines. Without a running event loop every line is written immediately.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []
        # The event loop that will write the waiting lines. The loop may end before it writes them.
        self._writer: asyncio.AbstractEventLoop | None = None
        # The lock is for other threads. It is reentrant, because a destructor may log while a line is written.
        self._lock = threading.RLock()
        atexit.register(self.flush)

    def info(self, line: str) -> None:
        self.write(f"{line}\n")
        loop = _running_loop()
        if loop is None or len(self._waiting) >= _MOST_WAITING:
            self.flush()
        elif loop is not self._writer:
            self._writer = loop
            loop.call_soon(self.flush)

    def error(self, line: str) -> None:
        self.write(f"{line}\n")
        self.flush()

    def write(self, text: str) -> None:
        with self._lock:
            self._waiting.append(text)

    def flush(self) -> None:
        """Write the waiting lines."""
        with self._lock:
            lines, self._waiting, self._writer = self._waiting, [], None
            if lines:
                self._stream.write("".join(lines))
                self._stream.flush()

    debug = info
    warn = warning = fatal = failure = err = critical = exception = error


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
