"""The saturation of this thread: the share of time in which it ran or waited for a processor."""

import os
import time
from contextlib import suppress
from typing import Final

_SCHEDSTAT: Final = "/proc/thread-self/schedstat"
_NANOSECONDS: Final = 1_000_000_000
_LONGEST_LINE: Final = 100


class Saturation:
    """Measures the saturation of one thread. Linux reports both times; on other systems only the running time
    counts.
    """

    def __init__(self) -> None:
        # The file belongs to the thread that opens it, which is the thread of the first call.
        self._file: int | None = None
        self._at: float | None = None
        self._spent = 0.0

    def since_last(self) -> float:
        """The saturation since the last call, from 0 to 1; 0 at the first call."""
        if self._at is None:
            self._open()
            return 0.0
        at, spent = time.monotonic(), self._read()
        share = (spent - self._spent) / max(at - self._at, 1e-9)
        self._at, self._spent = at, spent
        return min(1.0, share)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> None:
        with suppress(OSError):
            self._file = os.open(_SCHEDSTAT, os.O_RDONLY | os.O_CLOEXEC)
        self._at, self._spent = time.monotonic(), self._read()

    def _read(self) -> float:
        if self._file is None:
            return time.thread_time()
        ran, waited, _ = os.pread(self._file, _LONGEST_LINE, 0).split()
        return (int(ran) + int(waited)) / _NANOSECONDS
