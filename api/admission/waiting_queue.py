"""The queue of requests that wait for a slot: CoDel with adaptive LIFO, fair by caller.

A burst and an overload begin in the same way: many requests arrive. CoDel distinguishes them by the queue's minimum. A
burst is drained. In an overload the queue stands: it is never short in an interval, and most of its requests would wait
in vain.

    calm        A request may wait for `max_wait`. A short queue is served in its order. In a longer queue the newest
                request is next, so that its answer is in time, whether this becomes an overload or not.
    overloaded  The queue stood for an interval. All its requests are refused. Until an interval passes without a
                refusal, only as many requests wait as there are slots, and they wait for the target at most.

Fair queueing by caller, in both states: the callers take turns, and a refusal hits the caller with the most waiters.
"""

from collections.abc import Callable, Hashable
from typing import Final

from core.clock import Clock, Deadline
from core.fair_queue import FairQueue, WaitedTooLong, Waiter

# The burst of a page arrives and is begun within this time.
_INTERVAL_SECONDS: Final = 0.5
# How long a request may wait in an overload.
_TARGET_SECONDS: Final = 0.01
# So many requests are never an overload, because all of them may wait for one slow request.
_FEW: Final = 16


class _Refused(Exception):
    """The queue refuses a request that waited."""


class WaitingQueue:
    """`max_wait_seconds` is for a calm queue. `hand_back` returns the slot of a waiter that was cancelled after it got
    the slot.
    """

    def __init__(self, clock: Clock, max_wait_seconds: float, hand_back: Callable[[], None]) -> None:
        self._clock = clock
        self._hand_back = hand_back
        self._max_wait_seconds = max_wait_seconds
        self._queue: FairQueue[Waiter[None]] = FairQueue()
        self._interval_began = clock.monotonic()
        self._shortest = self._joined = self._served = self._refused = 0
        self.overloaded = False

    def __len__(self) -> int:
        return self._queue.length

    def refuses(self, waiting: int, slots: int, caller: Hashable) -> bool:
        """Whether one more request of this caller is refused, if so many requests wait for so many slots."""
        is_refused = self.overloaded and waiting >= slots and self._queue.has_longest(caller)
        self._refused += is_refused
        return is_refused

    async def wait(self, slots: int, caller: Hashable = None) -> bool:
        """Wait for a slot. False: the request is refused."""
        if self.overloaded and self._queue.length >= slots:
            longest = self._queue.take_of_longest(caller)
            if longest is None:
                self._refused += 1
                return False
            longest.refuse(_Refused())
        self._joined += 1
        seconds = _TARGET_SECONDS if self.overloaded else self._max_wait_seconds
        try:
            await self._queue.wait(Waiter(caller), Deadline.after(seconds, self._clock), self._hand_back)
        except (WaitedTooLong, _Refused):
            self._refused += 1
            return False
        return True

    def call(self) -> bool:
        """Give the slot to a waiter. False if no request waits."""
        waiter = self._queue.take(newest=self._queue.length > _FEW) if self._queue.length else None
        self._shortest = min(self._shortest, self._queue.length)
        if waiter is None:
            return False
        waiter.serve(None)
        self._served += 1
        return True

    def look(self) -> None:
        """Decide once in each interval whether the queue is overloaded."""
        now = self._clock.monotonic()
        seconds = now - self._interval_began
        if seconds < _INTERVAL_SECONDS or (self._queue.length and not self._served):
            # Because no waiter got a slot, the interval proves nothing.
            return
        if self.overloaded:
            self.overloaded = self._refused > 0
        elif self._stands(seconds):
            self.overloaded = True
            while (waiter := self._queue.take()) is not None:
                waiter.refuse(_Refused())
        self._interval_began, self._shortest = now, self._queue.length
        self._joined = self._served = self._refused = 0

    def _stands(self, seconds: float) -> bool:
        """Whether the queue was never short, and most of its requests would wait in vain: `max_wait` at this pace would
        not drain half of it. Requests that leave without a slot do not drain it.
        """
        drained = self._served - self._joined
        return self._shortest > _FEW and 2 * drained * self._max_wait_seconds < self._queue.length * seconds
