"""When each API key was used last: noted in memory, written in batches, never while a caller waits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

import structlog

from core.clock import Clock
from core.errors import UpstreamError
from core.outage import Outage

log = structlog.get_logger(__name__)


class StoresLastUse(Protocol):
    async def note_use(self, used: dict[str, datetime]) -> None: ...


class LastUse:
    """Keys are as many as were valid since the last batch, so this stays small. Whole minutes are enough to tell a key
    that is used from one that can go, and reveal little about working hours.
    """

    def __init__(self, store: StoresLastUse, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._used: dict[str, datetime] = {}
        self._outage = Outage(log, "keys.last_use_not_written", "keys.last_use_written_again")

    def note(self, identity: str) -> None:
        self._used[identity] = self._clock.now()

    async def write(self) -> None:
        """Write what was noted. While the database is away it is kept for the next time."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await self._store.note_use({key: at.replace(second=0, microsecond=0) for key, at in used.items()})
            self._outage.succeeded()
        except UpstreamError as error:
            self._outage.failed(keys=len(used), problem=error.message)
            self._used = used | self._used

    async def keep_writing(self, every_seconds: float) -> None:
        """Run for the life of the process."""
        while True:
            await self._clock.sleep(every_seconds)
            await self.write()


@contextlib.asynccontextmanager
async def storing_last_use(store: StoresLastUse, clock: Clock, every_seconds: float) -> AsyncIterator[LastUse]:
    """Writes in the background while the context is open, and once more at its end."""
    use = LastUse(store, clock)
    task = asyncio.create_task(use.keep_writing(every_seconds))
    try:
        yield use
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await use.write()
