"""The last use of each API key. It is recorded in memory and written in batches, so that no caller waits."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

import structlog

from api.background import running
from core.clock import Clock
from core.errors import UpstreamError
from core.outage import Outage

log = structlog.get_logger(__name__)


class StoresLastUse(Protocol):
    async def note_use(self, used: dict[str, datetime]) -> None: ...


class LastUse:
    """The map has only keys that were used since the last batch, so that it stays small. Whole minutes are enough to
    find unused keys, and reveal little about working hours.
    """

    def __init__(self, store: StoresLastUse, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._used: dict[str, datetime] = {}
        self._outage = Outage(log, "keys.last_use_not_written", "keys.last_use_written_again")

    def note(self, identity: str) -> None:
        self._used[identity] = self._clock.now()

    async def write(self) -> None:
        """Write the recorded uses. If the database does not answer, they stay for the next batch."""
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
    """Write in the background while the context is open, and once at its end."""
    use = LastUse(store, clock)
    try:
        async with running(use.keep_writing(every_seconds)):
            yield use
    finally:
        await use.write()
