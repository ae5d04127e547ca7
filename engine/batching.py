"""Batching of calls to list resolvers.

An operation may load one field with the same arguments from several branches. The branches share one call:

- Loads of one turn of the event loop are one call with the keys of all branches.
- A key that was answered in this run is not loaded again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

Resolve = Callable[..., Awaitable[Sequence[Any]]]


def freeze(value: Any) -> Hashable:
    """Convert coerced arguments to a hashable value: lists and input objects become tuples.

    The value holds types and exact texts, because in Python 1 equals True and Decimal("1.0") equals Decimal("1.00").
    """
    if isinstance(value, list | tuple):
        return tuple(freeze(element) for element in value)
    if isinstance(value, Mapping):
        return tuple((name, freeze(element)) for name, element in sorted(value.items()))
    if is_dataclass(value):
        return (type(value), *(freeze(getattr(value, one.name)) for one in fields(value)))
    if value is None or value.__class__ is str:
        return value
    return (value.__class__, repr(value)) if isinstance(value, float | Decimal) else (value.__class__, value)


class _Batch:
    """One call of a list resolver: its keys, each key once, and later the answers in the order of the keys."""

    __slots__ = ("_by_key", "answers", "done", "keys", "parents")

    def __init__(self) -> None:
        self.keys: list[Hashable] = []
        self.parents: list[Any] = []
        self.answers: Sequence[Any] = ()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._by_key: dict[Hashable, Any] | None = None

    def add(self, keys: Iterable[Hashable], parents: Iterable[Any]) -> int:
        """Add keys. Returns the index of the first answer."""
        begin = len(self.keys)
        self.keys += keys
        self.parents += parents
        return begin

    def answer(self, key: Hashable) -> Any:
        if self._by_key is None:
            self._by_key = dict(zip(self.keys, self.answers, strict=True))
        return self._by_key[key]

    async def wait(self) -> None:
        if not self.done.done():
            # Several waiters share the future. The shield keeps the future running if one waiter is cancelled.
            await asyncio.shield(self.done)


class _ResolverBatcher:
    """The batches of one list resolver with one set of arguments."""

    __slots__ = ("_arguments", "_batches", "_context", "_gathering", "_resolve", "_tasks")

    def __init__(self, resolve: Resolve, context: Any, arguments: Mapping[str, Any]) -> None:
        self._resolve = resolve
        self._context = context
        self._arguments = arguments
        # The batch that answers a key.
        self._batches: dict[Hashable, _Batch] = {}
        self._gathering: _Batch | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self, keys: Sequence[Hashable], parents: Sequence[Any], *, is_last: bool) -> list[Any]:
        batches = self._batches
        if is_last:
            self.forget()
        if batches.keys().isdisjoint(keys):
            batch = self._gathering or self._begin()
            own = dict.fromkeys(keys, batch)
            if len(own) == len(keys):
                # The usual case: all keys are new and distinct, so the answers are one slice of the batch.
                begin = batch.add(keys, parents)
                if not is_last:
                    batches |= own
                await batch.wait()
                return list(batch.answers[begin : begin + len(keys)])
        fresh = {key: parent for key, parent in zip(keys, parents, strict=True) if key not in batches}
        if fresh:
            batch = self._gathering or self._begin()
            batch.add(fresh, fresh.values())
            batches |= dict.fromkeys(fresh, batch)
        for batch in {id(one): one for one in map(batches.__getitem__, keys)}.values():
            await batch.wait()
        return [batches[key].answer(key) for key in keys]

    def forget(self) -> None:
        """Release the batches after the last load. The waiters keep references to their own batches."""
        self._batches = {}

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._gathering = None

    def _begin(self) -> _Batch:
        self._gathering = _Batch()
        asyncio.get_running_loop().call_soon(self._send, self._gathering)
        return self._gathering

    def _send(self, batch: _Batch) -> None:
        if self._gathering is not batch:
            return
        self._gathering = None
        task = asyncio.get_running_loop().create_task(self._call(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, batch: _Batch) -> None:
        batch.answers = await call_list_resolver(self._resolve, batch.parents, self._context, self._arguments)
        if not batch.done.done():
            batch.done.set_result(None)


async def call_list_resolver(
    resolve: Resolve, parents: Sequence[Any], context: Any, arguments: Mapping[str, Any]
) -> Sequence[Any]:
    """Call a list resolver. Returns the answers in the order of the parents.

    - If the call fails, its exception is the answer for every parent.
    - A cancellation from inside the resolver is a failure as well. Otherwise its waiters would never wake up.
    """
    try:
        answers = await resolve(parents, context, **arguments)
        if len(answers) == len(parents):
            return answers
        message = f"{resolve.__qualname__} returned {len(answers)} answers for {len(parents)} parents."
        return [RuntimeError(message)] * len(parents)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return [error] * len(parents)
    except Exception as error:  # noqa: BLE001 - the exception becomes the answer for these parents.
        return [error] * len(parents)


class Batcher:
    """All batched calls of one run, or of one root field of a mutation.

    `call_counts` gives the number of loads for each list resolver, where the plan knows it. The answers are released
    after the last load, so that their memory is free for the response.
    """

    def __init__(self, context: Any, call_counts: Mapping[Any, int]) -> None:
        self._context = context
        self._left: dict[Any, int] = dict(call_counts)
        self._batchers: defaultdict[Resolve, dict[Hashable, _ResolverBatcher]] = defaultdict(dict)

    async def load(
        self, resolve: Resolve, keys: Sequence[Hashable], parents: Sequence[Any], arguments: Mapping[str, Any]
    ) -> list[Any]:
        """Load the answers in the order of the keys. An answer may be an exception."""
        if not keys:
            return []
        batchers = self._batchers[resolve]
        name = freeze(arguments) if arguments else None
        batcher = batchers.get(name)
        if batcher is None:
            batcher = batchers[name] = _ResolverBatcher(resolve, self._context, arguments)
        is_last = self._is_last(resolve)
        if is_last:
            for other in batchers.values():
                if other is not batcher:
                    other.forget()
        return await batcher.load(keys, parents, is_last=is_last)

    def close(self) -> None:
        """Cancel the calls that still run. Their waiters have finished or were cancelled."""
        for batchers in self._batchers.values():
            for batcher in batchers.values():
                batcher.close()

    def _is_last(self, resolve: Resolve) -> bool:
        left = self._left.get(resolve)
        if left is None:
            return False
        self._left[resolve] = left - 1
        return left == 1
