"""The log in this process: one reader for all streams.

Invariants:
- A stream gets every entry after its position that it accepts, once and in order, or it ends with the reason.
- A stream is attached to the reader before it reads older entries, so that none is missed between both.
- The reader checks that the numbers are consecutive.

Many streams continue at the same time after a restart. They share the pages of older entries, and so the answers to
their entries, for a second.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Final, TypeVar

import structlog
from cachetools import TTLCache

from core.outage import Outage
from core.shared_tasks import share
from instructions.log_receivers import USUAL, Accepts, Bounds, CursorAhead, LogEnd, LogEnded, Receiver, Watcher
from instructions.wake_up import WakeUp
from upstreams.state.instruction_log import InstructionLog, LogEntry, LogPage, LogPosition

log = structlog.get_logger(__name__)

_ENTRIES_AT_ONCE: Final = 500
# One stream holds no more of these, however slowly its client reads.
_PAGE_ENTRIES: Final = 100
_SHARED_PAGES: Final = 64
_SHARED_SECONDS: Final = 1.0
A = TypeVar("A", bound=Receiver | Watcher)


class LogFeed:
    """Reads the log and gives its entries to the attached streams. `bounds` are for each stream."""

    def __init__(self, events: InstructionLog, *, poll_seconds: float, bounds: Bounds = USUAL) -> None:
        self._log = events
        self._poll_seconds = poll_seconds
        self._bounds = bounds
        self._position: LogPosition | None = None
        self._attached: set[Receiver | Watcher] = set()
        self._pause = WakeUp()
        self._pages: TTLCache[Hashable, asyncio.Task[LogPage]] = TTLCache(_SHARED_PAGES, _SHARED_SECONDS)

    def wake(self) -> None:
        """End the current pause, because events got their numbers."""
        self._pause.wake()

    async def run(self) -> None:
        """Read the log until cancelled. Without streams nothing is read."""
        await Outage(log, "log.not_read", "log.read_again").repeat(self.read, self._pause.pause, self._poll_seconds)

    async def read(self) -> None:
        """Give the new entries to the streams. Raises UpstreamError."""
        while self._attached and (before := self._position):
            page = await self._log.read(before.seq, _ENTRIES_AT_ONCE)
            if self._position is not before:
                continue
            if not _continues(before, page):
                self._reset()
                return
            for entry in page.entries:
                self._position = LogPosition(before.epoch, entry.seq)
                for one in self._attached:
                    one.push(entry)
            if len(page.entries) < _ENTRIES_AT_ONCE:
                return

    async def head(self) -> LogPosition:
        """The present end of the log. Raises UpstreamError."""
        return (await self._log.head())[0]

    async def check(self, after: LogPosition) -> None:
        """Raises LogEnded for a position that the log no longer has, CursorAhead, and UpstreamError."""
        head, forgotten = await self._log.head()
        if after.epoch != head.epoch or after.seq < forgotten:
            raise LogEnded(LogEnd.RESET, None)
        if after.seq > head.seq:
            raise CursorAhead

    async def follow(
        self, after: LogPosition | None, accepts: Accepts, quiet_seconds: float
    ) -> AsyncGenerator[tuple[LogPosition, LogEntry | None], None]:
        """The accepted entries after the position, or from now on, each with its position. A position without an entry
        says after `quiet_seconds` where the stream may continue. Raises LogEnded and UpstreamError.
        """
        last, clock = after, asyncio.get_running_loop().time
        while True:
            start, slowest = await self._reader(), 0.0
            last = last or start
            with self._attach(Receiver(accepts, start, self._bounds)) as receiver:
                async with aclosing(self._entries(last, receiver, quiet_seconds)) as entries:
                    async for position, entry in entries:
                        last, given_at = position, clock()
                        yield position, entry
                        slowest = max(slowest, clock() - given_at)
                        if receiver.end is LogEnd.BEHIND:
                            break
            # The log has what the receiver has given up. Only a client that does not read is told so.
            if slowest > self._bounds.stalled_seconds:
                raise LogEnded(LogEnd.BEHIND, last)

    async def _entries(
        self, last: LogPosition, receiver: Receiver, quiet_seconds: float
    ) -> AsyncGenerator[tuple[LogPosition, LogEntry | None], None]:
        """The old entries up to the receiver's start, then its own."""
        async for old in self._history(last, receiver.start):
            last = LogPosition(last.epoch, old.seq)
            if receiver.accepts(old):
                yield last, old
        async for item in receiver.live(last, quiet_seconds):
            yield item

    @asynccontextmanager
    async def watch(self, accepts: Accepts) -> AsyncIterator[Watcher]:
        """A watcher for the accepted entries. Raises UpstreamError."""
        await self._reader()
        with self._attach(Watcher(accepts)) as watcher:
            yield watcher

    async def _reader(self) -> LogPosition:
        """The position of the reader, which the first stream sets. The caller attaches before it awaits."""
        if not self._attached or self._position is None:
            head = await self.head()
            if not self._attached or self._position is None:
                self._position = head
        return self._position

    @contextmanager
    def _attach(self, one: A) -> Iterator[A]:
        self._attached.add(one)
        try:
            yield one
        finally:
            self._attached.discard(one)

    async def _history(self, last: LogPosition, start: LogPosition) -> AsyncIterator[LogEntry]:
        """The entries after `last` up to `start`."""
        if last.epoch != start.epoch:
            raise LogEnded(LogEnd.RESET, None)
        while last.seq < start.seq:
            for entry in await self._old_entries(last, start):
                last = LogPosition(last.epoch, entry.seq)
                yield entry

    async def _old_entries(self, last: LogPosition, start: LogPosition) -> Sequence[LogEntry]:
        """The next entries after `last` up to `start`, from one page. Raises LogEnded if the log does not have them."""
        first = last.seq - last.seq % _PAGE_ENTRIES
        for _ in range(2):
            shared = await share(self._pages, first, lambda: self._log.read(first, _PAGE_ENTRIES))
            entries = [entry for entry in shared.entries if last.seq < entry.seq <= start.seq]
            if entries:
                break
            # The page was read before its next entries were made.
            self._pages.pop(first, None)
        if not entries or not _continues(last, LogPage(shared.head, shared.forgotten, entries)):
            raise LogEnded(LogEnd.RESET, last)
        return entries

    def _reset(self) -> None:
        log.warning("log.reset", streams=len(self._attached))
        self._position = None
        for one in self._attached:
            one.finish(LogEnd.RESET)


def _continues(last: LogPosition, page: LogPage) -> bool:
    """Whether the entries follow the position without a gap."""
    if page.head.epoch != last.epoch or page.head.seq < last.seq or page.forgotten > last.seq:
        return False
    return all(entry.seq == seq for seq, entry in enumerate(page.entries, last.seq + 1))
