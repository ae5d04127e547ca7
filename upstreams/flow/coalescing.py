"""Request coalescing: requests with the same question at the same time share one call (docs/sharing.md).

    a call may be sent    Requests with the same question in one turn of the event loop share a call. The call is sent
                          at the end of the turn, unless others have joined: see core/turns.py. No request waits for
                          another call.
    no call may be sent   Requests wait. Waiters with the same question share a call as soon as one may be sent.

- A request shares a call only if it arrived before the call was sent. No answer is older than the request that gets it.
- The owner of the calls defines the question. It has everything, except the keys, that changes the answer.
- Writes, and reads that belong to a command, are not coalesced.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from core.call import Call
from core.errors import UpstreamError
from core.fair_queue import FairQueue, WaitedTooLong
from core.turns import after_arrivals
from upstreams.flow.shared_call import Batch, KeysWaiter

Q = TypeVar("Q", bound=Hashable)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class QuestionLane(Generic[K, V]):
    """The calls in flight for one question, and the waiters for its next call."""

    __slots__ = ("in_flight", "is_gathering", "queue")

    def __init__(self) -> None:
        self.in_flight = 0
        self.is_gathering = False
        self.queue: FairQueue[KeysWaiter[K, V]] = FairQueue()

    def waiting(self) -> int:
        return self.queue.length

    def take(self, keys_max: int) -> Batch[K, V] | None:
        """Take the waiters that fit into one call, at least one. None if there is no waiter."""
        waiters: list[KeysWaiter[K, V]] = []
        keys: dict[K, None] = {}
        while (waiter := self.queue.first()) is not None:
            fresh = [key for key in waiter.keys if key not in keys]
            if waiters and len(keys) + len(fresh) > keys_max:
                break
            self.queue.take_turn(waiter)
            waiters.append(waiter)
            keys |= dict.fromkeys(fresh)
        return Batch(waiters, list(keys)) if waiters else None


Ask = Callable[[Q, Sequence[K], Call], Awaitable[Mapping[K, V]]]
"""One call with these keys. Keys that are not found are absent from the answer."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """The maximum of calls in flight for one question, and of keys in one call.

    With `concurrent_calls` 0 each request sends its own call. The keys of one request are never split.
    """

    concurrent_calls: int
    keys_max: int

    def __post_init__(self) -> None:
        if self.concurrent_calls < 0 or self.keys_max < 1:
            raise ValueError(f"concurrent_calls is 0 or more and keys_max 1 or more: {self}")


class Coalescing(Generic[Q, K, V]):
    """All calls of one kind.

    `too_late` makes the error of a waiter whose deadline has passed. `away` is true for calls to a vendor: a request
    that waits for a vendor holds no slot (api/admission/load_shedding.py). A key counts as `weight` keys of this
    question.
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
        # A question has a lane only while it has calls in flight or waiters.
        self._lanes: dict[Q, QuestionLane[K, V]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, question: Q, keys: Sequence[K], call: Call) -> Mapping[K, V]:
        """The answers by key, without keys that were not found. Raises the error of the call.

        Raises Unavailable at the caller's own deadline, although other waiters may wait longer.
        """
        if not self._sharing.concurrent_calls or call.for_command:
            return await self._ask(question, keys, call)
        lane = self._lanes.get(question)
        if lane is None:
            lane = self._lanes[question] = QuestionLane()
        if lane.in_flight < self._sharing.concurrent_calls and not lane.is_gathering:
            # The call is sent after the other requests of this turn have run, because they may have the same question.
            lane.is_gathering = True
            after_arrivals(asyncio.get_running_loop(), lane.waiting, partial(self._end_gathering, question, lane))
        return await self._wait(lane, KeysWaiter(keys, call))

    async def aclose(self) -> None:
        """Cancel the calls in flight. Their waiters get the error of a passed deadline."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait(self, lane: QuestionLane[K, V], waiter: KeysWaiter[K, V]) -> Mapping[K, V]:
        keys, call = waiter.keys, waiter.call
        try:
            with call.lifetime.waiting_for_vendor() if self._away else nullcontext():
                await lane.queue.wait(waiter, call.deadline)
        except WaitedTooLong as error:
            raise self._too_late() from error
        finally:
            # The waiter and its batch refer to each other. Without this line only the garbage collector frees them.
            batch, waiter.batch = waiter.batch, None
            if batch is not None:
                batch.leave()
        found = waiter.served.result()
        if batch is not None and len(batch.waiters) == 1:
            return found
        try:
            return dict(zip(keys, map(found.__getitem__, keys), strict=True))
        except KeyError:
            return {key: found[key] for key in keys if key in found}

    def _end_gathering(self, question: Q, lane: QuestionLane[K, V]) -> None:
        lane.is_gathering = False
        self._fill(question, lane)

    def _fill(self, question: Q, lane: QuestionLane[K, V]) -> None:
        """Send calls while there are waiters and more calls may be in flight."""
        keys_max = self._sharing.keys_max // self._weight(question)
        while lane.in_flight < self._sharing.concurrent_calls and (batch := lane.take(keys_max)) is not None:
            lane.in_flight += 1
            self._send(question, lane, batch)
        if not lane.in_flight and not lane.queue.length:
            del self._lanes[question]

    def _send(self, question: Q, lane: QuestionLane[K, V], batch: Batch[K, V]) -> None:
        def end(task: asyncio.Task[None]) -> None:
            # This is a callback, because a task that is cancelled before it begins never runs its `finally` block.
            self._tasks.discard(task)
            if task.cancelled():
                batch.fail(self._too_late())
            lane.in_flight -= 1
            if not lane.is_gathering:
                self._fill(question, lane)

        run = self._run(question, batch)
        batch.task = asyncio.get_running_loop().create_task(run, context=batch.waiters[0].context)
        self._tasks.add(batch.task)
        batch.task.add_done_callback(end)

    async def _run(self, question: Q, batch: Batch[K, V]) -> None:
        """The shared call. It runs in a separate task, so that the cancellation of a waiter does not cancel it."""
        try:
            batch.answer(await self._ask(question, batch.keys, batch.call()))
        except Exception as error:  # noqa: BLE001 - every waiter gets the error, whatever it is.
            batch.fail(error)
