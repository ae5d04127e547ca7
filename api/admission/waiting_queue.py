"""The queue of requests that wait for a slot: CoDel with adaptive LIFO, fair by caller.

A burst and an overload begin in the same way: many requests arrive. CoDel distinguishes them by the minimum of the
queue. A burst is drained. In an overload the queue stands: for an interval it never gets short.

    calm        A request may wait for `max_wait`. The oldest request gets the next slot. In a queue that exceeds the
                target the newest does, so that the admitted requests are answered in time.
    overloaded  The queue stood for an interval. Only one request of each caller remains in it. Until an interval passes
                without a refusal, only as many requests wait as there are slots, and only for the target.

Fair queueing by caller: the callers take turns, and a refusal hits the caller with the most waiting requests.
"""

from collections.abc import Callable, Hashable
from typing import Final

from core.clock import Clock, Deadline
from core.fair_queue import FairQueue, WaitedTooLong, Waiter

# The interval is longer than the arrival of a burst.
_INTERVAL_SECONDS: Final = 0.25
# The acceptable wait in a queue that stands. Callers that repeat requests wait for each other, and need no refusal.
_TARGET_SECONDS: Final = 0.1
# A queue of this length never exceeds the target: its requests may all wait for one slow request.
_FEW: Final = 16
_NO_CALLER: Final = object()


class _Refused(Exception):
    """The request was refused while it waited."""


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
        self._refused_at = self._interval_began
        self._shortest = self._joined = self._served = 0
        # The length that takes the target, at the pace of the last interval.
        self._target: float = _FEW
        self.overloaded = False

    def __len__(self) -> int:
        return self._queue.length

    def refuses(self, waiting: int, slots: int, caller: Hashable) -> bool:
        """Whether one more request of this caller is refused, if so many requests wait for so many slots."""
        is_refused = self._is_full(waiting, slots, caller) and self._queue.has_longest(caller)
        return is_refused and self._refuse()

    def _is_full(self, waiting: int, slots: int, caller: Hashable) -> bool:
        """Whether no more requests may wait. Few slots must not exclude a caller that has no waiting request."""
        return self.overloaded and waiting >= (slots if self._queue.has(caller) else max(slots, _FEW))

    async def wait(self, slots: int, caller: Hashable = None) -> bool:
        """Wait for a slot. False: the request is refused."""
        if self._is_full(self._queue.length, slots, caller):
            longest = self._queue.take_of_longest(caller)
            if longest is None:
                return not self._refuse()
            longest.refuse(_Refused())
        self._joined += 1
        seconds = _TARGET_SECONDS if self.overloaded else self._max_wait_seconds
        try:
            await self._queue.wait(Waiter(caller), Deadline.after(seconds, self._clock), self._hand_back)
        except (WaitedTooLong, _Refused):
            return not self._refuse()
        return True

    def _refuse(self) -> bool:
        self._refused_at = self._clock.monotonic()
        return True

    def call(self) -> bool:
        """Give the slot to a waiter. False if no request waits."""
        length = self._queue.length
        waiter = self._queue.take(newest=length > self._target) if length else None
        self._shortest = min(self._shortest, self._queue.length)
        if waiter is None:
            return False
        waiter.serve(None)
        self._served += 1
        return True

    def look(self, now: float) -> None:
        """Decide once in each interval whether the queue is overloaded. `now` is monotonic."""
        seconds = now - self._interval_began
        if seconds < _INTERVAL_SECONDS or (self._queue.length and not self._served):
            # Because no waiter got a slot, the interval proves nothing.
            return
        self._target = max(_FEW, self._served / seconds * _TARGET_SECONDS)
        if self.overloaded:
            self.overloaded = now - self._refused_at <= _INTERVAL_SECONDS
        elif self._stands(seconds):
            self.overloaded = True
            while (waiter := self._queue.take_of_longest(_NO_CALLER)) is not None:
                waiter.refuse(_Refused())
        self._interval_began, self._shortest = now, self._queue.length
        self._joined = self._served = 0

    def _stands(self, seconds: float) -> bool:
        """Whether the queue always exceeded the target, and `max_wait` at this pace would not drain half of it.
        Requests that leave without a slot do not drain it.
        """
        drained = self._served - self._joined
        return self._shortest > self._target and 2 * drained * self._max_wait_seconds < self._queue.length * seconds
