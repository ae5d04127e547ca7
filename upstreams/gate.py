"""Requests that ask the same at the same moment share a call (docs/sharing.md).

    a place is free    whoever asks the same in one turn of the loop goes out together, at its end: nobody waits
    none is            he waits; whoever waits with the same question goes out together as soon as a place is free

So a call is shared only by those who asked BEFORE it was sent, and no answer is older than the request that gets it.
What a question is, its owner says; all that decides about the answer, beside the keys, is part of it. Calls that change
anything, and reads that belong to an order, do not wait here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from upstreams.askers import Asker, Batch, Line, left
from upstreams.call import Call
from upstreams.errors import UpstreamError

Q = TypeVar("Q", bound=Hashable)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

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


class Gate(Generic[Q, K, V]):
    """All calls of one kind. `too_late` makes the error of who waited in vain; `away` says that the other side is a
    vendor, while whom is waited for the server may do other work (api/shedding.py). `weight` is for how many a key of
    this question counts.
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
        self._lines: dict[Q, Line[K, V]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, question: Q, keys: Sequence[K], call: Call) -> Mapping[K, V]:
        """The answers to the keys that have one. Raises what the call raised; Unavailable as soon as the caller's own
        time is up, whoever else may go on waiting.
        """
        if not self._sharing.at_once or call.order:
            return await self._ask(question, keys, call)
        line = self._lines.get(question)
        if line is None:
            line = self._lines[question] = Line()
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

    async def _waited(self, line: Line[K, V], keys: Sequence[K], call: Call) -> Mapping[K, V]:
        asker: Asker[K, V] = Asker(keys, call)
        line.turns.add(call.caller, asker)
        # A timer, not a time-out: nothing has to be cancelled, and it costs a fraction.
        timer = asyncio.get_running_loop().call_later(call.deadline.remaining(), self._tell_late, asker)
        try:
            if self._away:
                with call.away():
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

    def _tell_late(self, asker: Asker[K, V]) -> None:
        if not asker.answer.done():
            asker.answer.set_exception(self._too_late())

    def _gathered(self, question: Q, line: Line[K, V]) -> None:
        line.is_gathering = False
        self._fill(question, line)

    def _next(self, question: Q, line: Line[K, V]) -> None:
        """A call has ended: its place is for those who wait."""
        line.in_flight -= 1
        if not line.is_gathering:
            self._fill(question, line)

    def _fill(self, question: Q, line: Line[K, V]) -> None:
        while line.turns.length and line.in_flight < self._sharing.at_once:
            line.in_flight += 1
            self._send(question, line, line.take(self._sharing.keys_max // self._weight(question)))
        if not line.in_flight and not line.turns.length:
            del self._lines[question]

    def _send(self, question: Q, line: Line[K, V], batch: Batch[K, V]) -> None:
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
