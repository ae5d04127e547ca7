"""Calls of list resolvers, shared: whoever asks the same question at the same moment shares the call.

Two branches of an operation that reach the same field with the same arguments in one turn of the loop make one call
with the keys of both; a key that was answered in this run is not asked for again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

Resolve = Callable[..., Awaitable[Sequence[Any]]]


def freeze(value: Any) -> Hashable:
    """A hashable picture of coerced arguments: lists and input objects become tuples. Equal pictures are of the same
    values, while for Python 1 equals True and Decimal("1.0") equals Decimal("1.00").
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
    """One call: what it asks for, each key once, and once they are there its answers in the same order."""

    __slots__ = ("_by_key", "answers", "done", "keys", "parents")

    def __init__(self) -> None:
        self.keys: list[Hashable] = []
        self.parents: list[Any] = []
        self.answers: Sequence[Any] = ()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._by_key: dict[Hashable, Any] | None = None

    def add(self, keys: Iterable[Hashable], parents: Iterable[Any]) -> int:
        """Where the answers to them will begin."""
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
            # Who gives up waiting must not take the call from the others.
            await asyncio.shield(self.done)


class _ResolverBatcher:
    """One question: a function with its arguments."""

    __slots__ = ("_arguments", "_batches", "_context", "_gathering", "_resolve", "_tasks")

    def __init__(self, resolve: Resolve, context: Any, arguments: Mapping[str, Any]) -> None:
        self._resolve = resolve
        self._context = context
        self._arguments = arguments
        # Which call answers a key.
        self._batches: dict[Hashable, _Batch] = {}
        self._gathering: _Batch | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, keys: Sequence[Hashable], parents: Sequence[Any], *, is_last: bool) -> list[Any]:
        batches = self._batches
        if is_last:
            self.forget()
        if batches.keys().isdisjoint(keys):
            batch = self._gathering or self._begin()
            own = dict.fromkeys(keys, batch)
            if len(own) == len(keys):
                # The usual: nobody has asked for one of them, and none is asked for twice.
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
        """Nobody will ask again: what was answered is for those alone who wait for it."""
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


class Batcher:
    """All questions of one run, or of one root field of a mutation. `asked` says how often a function is asked, where
    that is known: after the last time its answers are not kept, and their memory serves for what is made next.
    """

    def __init__(self, context: Any, asked: Mapping[Any, int]) -> None:
        self._context = context
        self._left: dict[Any, int] = dict(asked)
        self._slots: defaultdict[Resolve, dict[Hashable, _ResolverBatcher]] = defaultdict(dict)

    async def ask(
        self, resolve: Resolve, keys: Sequence[Hashable], parents: Sequence[Any], arguments: Mapping[str, Any]
    ) -> list[Any]:
        """Answers in the order of the keys; one may be an exception."""
        if not keys:
            return []
        slots = self._slots[resolve]
        name = freeze(arguments) if arguments else None
        slot = slots.get(name)
        if slot is None:
            slot = slots[name] = _ResolverBatcher(resolve, self._context, arguments)
        is_last = self._is_last(resolve)
        if is_last:
            for other in slots.values():
                if other is not slot:
                    other.forget()
        return await slot.ask(keys, parents, is_last=is_last)

    def close(self) -> None:
        """Give up what is still under way: whoever asked has what he wanted, or has gone."""
        for slots in self._slots.values():
            for slot in slots.values():
                slot.close()

    def _is_last(self, resolve: Resolve) -> bool:
        left = self._left.get(resolve)
        if left is None:
            return False
        self._left[resolve] = left - 1
        return left == 1
