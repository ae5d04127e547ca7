"""What a stream of the log has not taken yet."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from enum import Enum
from typing import Final, NamedTuple

from upstreams.state.instruction_log import LogEntry, LogPosition

# What one entry takes in memory beside its texts.
_ENTRY_BYTES: Final = 1000

Accepts = Callable[[LogEntry], bool]


class LogEnd(Enum):
    """Why a stream of the log ends by itself."""

    BEHIND = "The stream reads more slowly than events are made."
    RESET = "The log no longer has the events after this cursor."


class Bounds(NamedTuple):
    """What a receiver may hold. A client has stalled if it takes longer for one answer than `stalled_seconds`."""

    entries: int = 256
    bytes: int = 262_144
    stalled_seconds: float = 5.0


USUAL: Final = Bounds()


class LogEnded(Exception):
    """The end of a stream. `position` is behind the last entry that the stream gave; None: it gave none."""

    def __init__(self, end: LogEnd, position: LogPosition | None) -> None:
        super().__init__(end.value)
        self.end = end
        self.position = position


class CursorAhead(Exception):
    """The position is after the end of the log."""


class Receiver:
    """The entries for one stream that it has not taken yet, from `start` on.

    A receiver that holds too much gives its entries up. Its stream then reads them from the log, unless its client does
    not read at all.
    """

    __slots__ = ("_bounds", "_bytes", "_entries", "_passed", "_ready", "accepts", "end", "start")

    def __init__(self, accepts: Accepts, start: LogPosition, bounds: Bounds) -> None:
        self.accepts = accepts
        self.start = start
        self._bounds = bounds
        # Most streams are quiet. An empty list is a tenth of an empty deque.
        self._entries: list[LogEntry] = []
        self._bytes = 0
        self._ready = asyncio.Event()
        # Where the stream may continue if it has taken all entries.
        self._passed = start.seq
        self.end: LogEnd | None = None

    def push(self, entry: LogEntry) -> None:
        if self.end is not None:
            return
        self._passed = entry.seq
        if not self.accepts(entry):
            return
        self._entries.append(entry)
        self._bytes += _size(entry)
        self._ready.set()
        if len(self._entries) > self._bounds.entries or self._bytes > self._bounds.bytes:
            self.finish(LogEnd.BEHIND)

    def finish(self, end: LogEnd) -> None:
        self._entries.clear()
        self.end = end
        self._ready.set()

    async def live(self, last: LogPosition, quiet_seconds: float) -> AsyncIterator[tuple[LogPosition, LogEntry | None]]:
        """The entries after `last`, and a position alone after `quiet_seconds` without an entry. Ends when the entries
        were given up. Raises LogEnded if the log has another epoch.
        """
        while True:
            entry = await self._next(quiet_seconds)
            if entry is not None and entry.seq <= last.seq:
                continue
            if entry is None and self.end is LogEnd.BEHIND:
                return
            if entry is None and self.end is not None:
                raise LogEnded(self.end, last)
            last = LogPosition(last.epoch, max(last.seq, self._passed) if entry is None else entry.seq)
            yield last, entry

    async def _next(self, seconds: float) -> LogEntry | None:
        """The next entry; None at the end, or if there was none for these seconds."""
        if not self._entries and self.end is None:
            self._ready.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._ready.wait()
        if not self._entries:
            return None
        entry = self._entries.pop(0)
        self._bytes -= _size(entry)
        return entry


class Watcher:
    """Only says that there was an entry, or that entries may be missing."""

    def __init__(self, accepts: Accepts) -> None:
        self._accepts = accepts
        self._changed = asyncio.Event()

    def push(self, entry: LogEntry) -> None:
        if self._accepts(entry):
            self._changed.set()

    def finish(self, _end: LogEnd) -> None:
        self._changed.set()

    async def change(self) -> None:
        """Wait for the next change, or return because one happened since the last call."""
        await self._changed.wait()
        self._changed.clear()


def _size(entry: LogEntry) -> int:
    return _ENTRY_BYTES + len(entry.event.note or "") + len(entry.event.actor)
