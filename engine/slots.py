"""Calls of list resolvers, shared: whoever asks the same question at the same moment shares the call.

Two branches of an operation that reach the same field with the same arguments in one turn of the loop make one call
with the keys of both; a key that was answered in this run is not asked for again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

Resolve = Callable[..., Awaitable[Sequence[Any]]]


def frozen(value: Any) -> Hashable:
    """A hashable picture of coerced arguments: lists and input objects become tuples. Equal pictures are of the same
    values, while for Python 1 equals True and Decimal("1.0") equals Decimal("1.00").
    """
    if isinstance(value, list | tuple):
        return tuple(frozen(element) for element in value)
    if isinstance(value, Mapping):
        return tuple((name, frozen(element)) for name, element in sorted(value.items()))
    if is_dataclass(value):
        return (type(value), *(frozen(getattr(value, one.name)) for one in fields(value)))
    if value is None or value.__class__ is str:
        return value
    return (value.__class__, repr(value)) if isinstance(value, float | Decimal) else (value.__class__, value)


class _Batch:
    """One call: what it asks for, and its answers by key once they are there."""

    __slots__ = ("answers", "done", "parents")

    def __init__(self) -> None:
        self.parents: dict[Hashable, Any] = {}
        self.answers: dict[Hashable, Any] = {}
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Slot:
    """One question: a function with its arguments."""

    __slots__ = ("_arguments", "_batches", "_context", "_gathering", "_resolve", "_tasks")

    def __init__(self, resolve: Resolve, context: Any, arguments: Mapping[str, Any]) -> None:
        self._resolve = resolve
        self._context = context
        self._arguments = arguments
        self._batches: dict[Hashable, _Batch] = {}
        self._gathering: _Batch | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, keys: Sequence[Hashable], parents: Sequence[Any]) -> list[Any]:
        batches = self._batches
        if batches:
            fresh = {key: parent for key, parent in zip(keys, parents, strict=True) if key not in batches}
        else:
            fresh = dict(zip(keys, parents, strict=True))
        if fresh:
            batch = self._gathering or self._begin()
            batch.parents.update(fresh)
            batches.update(dict.fromkeys(fresh, batch))
        found = {id(batch): batch for batch in map(batches.__getitem__, keys)}
        for batch in found.values():
            if not batch.done.done():
                # Who gives up waiting must not take the call from the others.
                await asyncio.shield(batch.done)
        if len(found) == 1:
            return list(map(batch.answers.__getitem__, keys))
        return [batches[key].answers[key] for key in keys]

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
        keys = list(batch.parents)
        answers = await answered(self._resolve, list(batch.parents.values()), self._context, self._arguments)
        batch.answers = dict(zip(keys, answers, strict=True))
        if not batch.done.done():
            batch.done.set_result(None)


async def answered(
    resolve: Resolve, parents: Sequence[Any], context: Any, arguments: Mapping[str, Any]
) -> Sequence[Any]:
    """The answers, in the parents' order; a call that fails answers every parent with its exception.

    Nobody is left waiting whatever happens: a call that is cancelled from inside is a failure like any other.
    """
    try:
        answers = await resolve(parents, context, **arguments)
        if len(answers) == len(parents):
            return answers
        message = f"{resolve.__qualname__} gave {len(answers)} answers for {len(parents)} parents."
        return [RuntimeError(message)] * len(parents)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return [error] * len(parents)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is these parents' answer.
        return [error] * len(parents)


class Slots:
    """All questions of one run, or of one root field of a mutation."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._slots: dict[Hashable, _Slot] = {}

    async def ask(
        self, resolve: Resolve, keys: Sequence[Hashable], parents: Sequence[Any], arguments: Mapping[str, Any]
    ) -> list[Any]:
        """Answers in the order of the keys; one may be an exception."""
        if not keys:
            return []
        name = (resolve, frozen(arguments)) if arguments else resolve
        slot = self._slots.get(name)
        if slot is None:
            slot = self._slots[name] = _Slot(resolve, self._context, arguments)
        return await slot.ask(keys, parents)

    def close(self) -> None:
        """Give up what is still under way: whoever asked has what he wanted, or has gone."""
        for slot in self._slots.values():
            slot.close()
