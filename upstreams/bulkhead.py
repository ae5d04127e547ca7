"""So many calls at once and no more, with a queue of bounded length and bounded patience."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from upstreams.clock import Deadline


class Crowded(Exception):
    """No place was free in time, or the queue was full. Nothing was sent."""


class Bulkhead:
    def __init__(self, *, max_in_flight: int, max_waiting: int) -> None:
        self._slots = asyncio.Semaphore(max_in_flight)
        self._max_waiting = max_waiting
        self.waiting = 0
        self.in_flight = 0

    @asynccontextmanager
    async def place(self, deadline: Deadline) -> AsyncIterator[None]:
        """A place for one call. The wait counts against the deadline."""
        await self._enter(deadline)
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self._slots.release()

    async def _enter(self, deadline: Deadline) -> None:
        if not self._slots.locked():
            await self._slots.acquire()  # Free: this does not wait.
            return
        if self.waiting >= self._max_waiting:
            raise Crowded("the queue is full")
        self.waiting += 1
        try:
            async with asyncio.timeout(deadline.remaining()):
                await self._slots.acquire()
        except TimeoutError as error:
            raise Crowded("no place became free in time") from error
        finally:
            self.waiting -= 1
