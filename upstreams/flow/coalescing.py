"""Requests that ask the same at the same moment share a call (docs/sharing.md).

    a place is free    whoever asks the same in one turn of the loop goes out together, at its end: nobody waits
    none is            he waits; whoever waits with the same question goes out together as soon as a place is free

So a call is shared only by those who asked BEFORE it was sent, and no answer is older than the request that gets it.
What a question is, its owner says; all that decides about the answer, beside the keys, is part of it. Calls that change
anything, and reads that belong to an order, do not wait here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import Generic, TypeVar

from msgspec.structs import replace

from core.call import Call, Tally
from core.errors import UpstreamError
from core.lifetime import Lifetime
from upstreams.flow.fair_queue import FairQueue

Q = TypeVar("Q", bound=Hashable)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Waiter(Generic[K, V]):
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

    def __init__(self, askers: list[Waiter[K, V]], keys: list[K]) -> None:
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
        return replace(first, deadline=latest, tally=_SharedTally(self.askers), wants=wants, lifetime=Lifetime())

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

    def __init__(self, askers: Sequence[Waiter[K, V]]) -> None:
        super().__init__()
        self._askers: Sequence[Waiter[K, V]] = askers

    def count(self, system: str, keys: int) -> None:  # noqa: ARG002 - each has its own number of them.
        there = [asker for asker in self._askers if not asker.answer.done()] or self._askers[:1]
        for number, asker in enumerate(there):
            asker.call.tally.calls[system] += 0 if number else 1
            asker.call.tally.keys[system] += len(asker.keys)


class QuestionLane(Generic[K, V]):
    """Calls under way for one question, and who waits with it. Callers take turns where not all fit into one call."""

    __slots__ = ("in_flight", "is_gathering", "turns")

    def __init__(self) -> None:
        self.in_flight = 0
        self.is_gathering = False
        self.turns: FairQueue[Waiter[K, V]] = FairQueue()

    def take(self, keys_max: int) -> Batch[K, V]:
        """The next ones, as many as fit, and at least one."""
        askers: list[Waiter[K, V]] = []
        keys: dict[K, None] = {}
        while self.turns.length:
            fresh = [key for key in self.turns.first().keys if key not in keys]
            if askers and len(keys) + len(fresh) > keys_max:
                break
            askers.append(self.turns.call())
            keys |= dict.fromkeys(fresh)
        return Batch(askers, list(keys))


def left(asker: Waiter[K, V], line: QuestionLane[K, V]) -> Batch[K, V] | None:
    """Out of the line, or out of the call that is still under way. The call it was in, which it lets go: they know each
    other, and would wait until somebody looks for cycles.
    """
    batch, asker.batch = asker.batch, None
    if batch is None:
        line.turns.remove(asker.call.caller, asker)
    elif not batch.is_over:
        batch.left()
    return batch


Ask = Callable[[Q, Sequence[K], Call], Awaitable[Mapping[K, V]]]
"""One call with these keys. What it does not find is absent from its answer."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """`at_once` calls of one question are under way, 0: as many as are asked for, and none is shared. A shared call
    carries at most `keys_max` keys; what one asker wants is never torn apart.
    """

    at_once: int
    keys_max: int

    def __post_init__(self) -> None:
        if self.at_once < 0 or self.keys_max < 1:
            raise ValueError(f"at_once is 0 or more and keys_max 1 or more: {self}")


class Coalescing(Generic[Q, K, V]):
    """All calls of one kind. `too_late` makes the error of who waited in vain; `away` says that the other side is a
    vendor, while whom is waited for the server may do other work (api/admission/load_shedding.py). `weight` is for how
    many a key of this question counts.
    """

    def __init__(
        self,
        ask: Ask[Q, K, V],
        sharing: Sharing,
        *,
        too_late: Callable[[], UpstreamError],
        away: bool,
        weight: Callable[[Q], int] = lambda _question: 1,
    ) -> None:
        self._ask = ask
        self._sharing = sharing
        self._weight = weight
        self._too_late = too_late
        self._away = away
        # A question that nobody waits for has no line.
        self._lines: dict[Q, QuestionLane[K, V]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, question: Q, keys: Sequence[K], call: Call) -> Mapping[K, V]:
        """The answers to the keys that have one. Raises what the call raised; Unavailable as soon as the caller's own
        time is up, whoever else may go on waiting.
        """
        if not self._sharing.at_once or call.order:
            return await self._ask(question, keys, call)
        line = self._lines.get(question)
        if line is None:
            line = self._lines[question] = QuestionLane()
        if line.in_flight < self._sharing.at_once and not line.is_gathering:
            # Not at once, but when all who are running now have had their turn: they may want the same.
            line.is_gathering = True
            asyncio.get_running_loop().call_soon(self._gathered, question, line)
        return await self._waited(line, keys, call)

    async def aclose(self) -> None:
        """End what is under way; whoever still waits for it is told that it is too late."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _waited(self, line: QuestionLane[K, V], keys: Sequence[K], call: Call) -> Mapping[K, V]:
        asker: Waiter[K, V] = Waiter(keys, call)
        line.turns.add(call.caller, asker)
        # A timer, not a time-out: nothing has to be cancelled, and it costs a fraction.
        timer = asyncio.get_running_loop().call_later(call.deadline.remaining(), self._tell_late, asker)
        try:
            if self._away:
                with call.lifetime.waiting_for_vendor():
                    found = await asker.answer
            else:
                found = await asker.answer
        finally:
            timer.cancel()
            batch = left(asker, line)
        if batch is not None and len(batch.askers) == 1:
            return found
        try:
            return dict(zip(keys, map(found.__getitem__, keys), strict=True))
        except KeyError:
            return {key: found[key] for key in keys if key in found}

    def _tell_late(self, asker: Waiter[K, V]) -> None:
        if not asker.answer.done():
            asker.answer.set_exception(self._too_late())

    def _gathered(self, question: Q, line: QuestionLane[K, V]) -> None:
        line.is_gathering = False
        self._fill(question, line)

    def _next(self, question: Q, line: QuestionLane[K, V]) -> None:
        """A call has ended: its place is for those who wait."""
        line.in_flight -= 1
        if not line.is_gathering:
            self._fill(question, line)

    def _fill(self, question: Q, line: QuestionLane[K, V]) -> None:
        while line.turns.length and line.in_flight < self._sharing.at_once:
            line.in_flight += 1
            self._send(question, line, line.take(self._sharing.keys_max // self._weight(question)))
        if not line.in_flight and not line.turns.length:
            del self._lines[question]

    def _send(self, question: Q, line: QuestionLane[K, V], batch: Batch[K, V]) -> None:
        def landed(done: asyncio.Task[None]) -> None:
            # Not at the end of the task itself: one that is cancelled before it begins never comes there.
            self._tasks.discard(done)
            if done.cancelled():
                batch.fail(self._too_late())
            self._next(question, line)

        run = self._run(question, batch)
        batch.task = asyncio.get_running_loop().create_task(run, context=batch.askers[0].context)
        self._tasks.add(batch.task)
        batch.task.add_done_callback(landed)

    async def _run(self, question: Q, batch: Batch[K, V]) -> None:
        """The shared call. It belongs to none of its askers, so that none who leaves takes it from the others."""
        try:
            batch.answer(await self._ask(question, batch.keys, batch.call()))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what each of them is told.
            batch.fail(error)
