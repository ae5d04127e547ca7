"""Who shares a call, and who waits with the same question: what upstreams/gate.py keeps of them."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from contextvars import copy_context
from typing import Generic, TypeVar

from msgspec.structs import replace

from upstreams.call import Call, Tally
from upstreams.turns import Turns

K = TypeVar("K")
V = TypeVar("V")


class Asker(Generic[K, V]):
    """One asker in the line, or with a shared call."""

    __slots__ = ("answer", "batch", "call", "context", "keys")

    def __init__(self, keys: Sequence[K], call: Call) -> None:
        self.keys = keys
        self.call = call
        self.answer: asyncio.Future[Mapping[K, V]] = asyncio.get_running_loop().create_future()
        self.batch: Batch[K, V] | None = None
        # The shared call runs in that of its first asker: whoever made the place free has nothing to do with it.
        self.context = copy_context()


class Batch(Generic[K, V]):
    """Those who share a call, the first of them first."""

    def __init__(self, askers: list[Asker[K, V]], keys: list[K]) -> None:
        self.askers = askers
        self.keys = keys
        self.wanted_by = len(askers)
        self.is_over = False
        self.task: asyncio.Task[None] | None = None
        for asker in askers:
            asker.batch = self

    def call(self) -> Call:
        """In the lane of the first asker, for as long as any of them has time."""
        first = self.askers[0].call
        if len(self.askers) == 1:
            return first
        latest = max((asker.call.deadline for asker in self.askers), key=lambda deadline: deadline.at)
        wants = frozenset().union(*(asker.call.wants for asker in self.askers))
        return replace(first, deadline=latest, tally=_SharedTally(self.askers), wants=wants, away=nullcontext)

    def answer(self, found: Mapping[K, V]) -> None:
        self.is_over = True
        for asker in self.askers:
            if not asker.answer.done():
                asker.answer.set_result(found)

    def fail(self, error: Exception) -> None:
        self.is_over = True
        for asker in self.askers:
            if not asker.answer.done():
                asker.answer.set_exception(error)

    def left(self) -> None:
        """Somebody gave up. A call that nobody waits for any more is not waited for either."""
        self.wanted_by -= 1
        if not self.wanted_by and self.task is not None:
            self.task.cancel()


class _SharedTally(Tally):
    """Each call counts once, for the first who still waits for it, so that the sum over all requests is what was really
    asked; keys count for each who asked for them.
    """

    def __init__(self, askers: Sequence[Asker[K, V]]) -> None:
        super().__init__()
        self._askers: Sequence[Asker[K, V]] = askers

    def count(self, system: str, keys: int) -> None:  # noqa: ARG002 - each has its own number of them.
        there = [asker for asker in self._askers if not asker.answer.done()] or self._askers[:1]
        for number, asker in enumerate(there):
            asker.call.tally.calls[system] += 0 if number else 1
            asker.call.tally.keys[system] += len(asker.keys)


class Line(Generic[K, V]):
    """Calls under way for one question, and who waits with it. Callers take turns where not all fit into one call."""

    __slots__ = ("in_flight", "is_gathering", "turns")

    def __init__(self) -> None:
        self.in_flight = 0
        self.is_gathering = False
        self.turns: Turns[Asker[K, V]] = Turns()

    def take(self, keys_max: int) -> Batch[K, V]:
        """The next ones, as many as fit, and at least one."""
        askers: list[Asker[K, V]] = []
        keys: dict[K, None] = {}
        while self.turns.length:
            fresh = [key for key in self.turns.first().keys if key not in keys]
            if askers and len(keys) + len(fresh) > keys_max:
                break
            askers.append(self.turns.call())
            keys |= dict.fromkeys(fresh)
        return Batch(askers, list(keys))


def left(asker: Asker[K, V], line: Line[K, V]) -> Batch[K, V] | None:
    """Out of the line, or out of the call that is still under way. The call it was in, which it lets go: they know each
    other, and would wait until somebody looks for cycles.
    """
    batch, asker.batch = asker.batch, None
    if batch is None:
        line.turns.remove(asker.call.caller, asker)
    elif not batch.is_over:
        batch.left()
    return batch
