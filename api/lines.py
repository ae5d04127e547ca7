"""Where log lines go: one write for all that is said in a turn of the loop, instead of one for each."""

import asyncio
import atexit
import threading
from typing import Final, TextIO

_MOST_WAITING: Final = 100


class Lines:
    """A logger for structlog, and a stream for the standard library's. What only informs waits for the end of the turn,
    in its order; a warning or worse is written at once, with all that waits, and so is what is said where no loop runs.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []
        # Threads write too; and a line may be said while another is written, by a destructor.
        self._lock = threading.RLock()
        atexit.register(self.flush)

    def info(self, line: str) -> None:
        with self._lock:
            self._waiting.append(f"{line}\n")
            count = len(self._waiting)
        if count == 1:
            self._flush_soon()
        elif count >= _MOST_WAITING:
            self.flush()

    def error(self, line: str) -> None:
        self.write(f"{line}\n")
        self.flush()

    def write(self, text: str) -> None:
        with self._lock:
            self._waiting.append(text)

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            lines, self._waiting = self._waiting, []
            self._stream.write("".join(lines))
            self._stream.flush()

    def _flush_soon(self) -> None:
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()

    debug = info
    warn = warning = fatal = failure = err = critical = exception = error
