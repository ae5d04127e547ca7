"""Single flight: all callers with the same key wait for one fetch."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from core.clock import Deadline

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs each fetch in a separate task, so that the cancellation of one caller does not cancel the fetch for the
    others.
    """

    def __init__(self) -> None:
        self._tasks: dict[object, asyncio.Task[T]] = {}

    @property
    def is_in_flight(self) -> bool:
        return bool(self._tasks)

    async def run(self, key: object, fetch: Callable[[], Coroutine[Any, Any, T]], deadline: Deadline) -> T:
        """The answer of the fetch in flight for `key`, or of a new fetch. TimeoutError at the caller's deadline."""
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.create_task(fetch())
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._end(key, done))
        async with asyncio.timeout(deadline.remaining()):
            return await asyncio.shield(task)

    def _end(self, key: object, task: asyncio.Task[T]) -> None:
        self._tasks.pop(key, None)
        if not task.cancelled():
            # If all callers were cancelled, no caller reads the error, and asyncio would log a warning.
            task.exception()

    async def aclose(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
