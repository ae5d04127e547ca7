"""Work that is done once for all its waiters."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, MutableMapping
from typing import Any, TypeVar

T = TypeVar("T")


async def share(
    tasks: MutableMapping[Hashable, asyncio.Task[T]], key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]
) -> T:
    """The result of the task under the key, or of a new task. A task that failed leaves the mapping. The cancellation
    of one waiter does not cancel the task.
    """
    task = tasks.get(key)
    if task is None:
        task = tasks[key] = asyncio.create_task(work())
        task.add_done_callback(lambda done: _drop_failed(tasks, key, done))
    return await asyncio.shield(task)


def _drop_failed(tasks: MutableMapping[Hashable, asyncio.Task[T]], key: Hashable, task: asyncio.Task[T]) -> None:
    # The exception is read here, because asyncio logs an exception that is never read.
    if (task.cancelled() or task.exception()) and tasks.get(key) is task:
        del tasks[key]
