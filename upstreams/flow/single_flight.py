"""Many who wait for the same thing, one who fetches it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from core.clock import Deadline

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs a fetch in a task of its own, so that a caller who gives up never takes the answer from the others."""

    def __init__(self) -> None:
        self._tasks: dict[object, asyncio.Task[T]] = {}

    @property
    def is_under_way(self) -> bool:
        return bool(self._tasks)

    async def run(self, key: object, fetch: Callable[[], Coroutine[Any, Any, T]], deadline: Deadline) -> T:
        """The answer of the fetch under way for `key`, or of a new one. TimeoutError when the caller's time is up."""
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.create_task(fetch())
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._end(key, done))
        async with asyncio.timeout(deadline.remaining()):
            return await _wait_for(task)

    def _end(self, key: object, task: asyncio.Task[T]) -> None:
        self._tasks.pop(key, None)
        if not task.cancelled():
            # Looked at even if every caller has left; else asyncio complains of an error that nobody fetched.
            task.exception()

    async def aclose(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _wait_for(task: asyncio.Task[T]) -> T:
    waiting: Awaitable[T] = asyncio.shield(task)
    return await waiting
