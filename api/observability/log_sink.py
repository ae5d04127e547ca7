"""Where log lines go: one write for all that is said in a turn of the loop, instead of one for each."""

import asyncio
import atexit
import threading
from typing import Final, TextIO

_MOST_WAITING: Final = 100


class LogSink:
    """A logger for structlog, and a stream for the standard library's.

    Informing lines are written in order at the end of a turn of the loop. A warning is written at once, after all
    waiting lines. Without a running loop every line is written at once.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []
        # The loop that will write them; a loop may end before it comes to that.
        self._writer: asyncio.AbstractEventLoop | None = None
        # Threads write too; and a line may be said while another is written, by a destructor.
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
        """Write what waits."""
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
