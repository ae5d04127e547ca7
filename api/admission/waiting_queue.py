"""The queue of requests that wait for a slot: its order and the time that a request may wait.

A burst and an overload begin in the same way: many requests arrive. The later length of the queue distinguishes them:

    calm      A request may wait long, and the oldest gets the next slot. While the queue stalls, the newest gets the
              slot, so that in an overload the admitted requests are answered in time. A queue stalls while it grows, or
              while it is long and does not get shorter. A short queue is normal: sixteen callers that repeat requests
              wait for each other, and all get answers.
              Fair queueing by caller: a caller's burst delays only that caller.
    swamped   The queue has stalled for three windows. All its requests are refused. New requests wait only for a
              millisecond, until a window passes without a refusal.
"""

from collections.abc import Callable, Hashable
from typing import Final

from core.clock import Clock, Deadline
from core.fair_queue import FairQueue, WaitedTooLong, Waiter

_WINDOW_SECONDS: Final = 0.5
_WINDOWS: Final = 3
# A growth of less than a tenth does not count, and a queue that is emptied within half a window is short.
_GROWTH: Final = 1.1
_SHORT: Final = 0.5
_TOO_LONG_SECONDS: Final = 0.25
# A queue of this length is never too long: its requests may all wait for one slow request.
_FEW: Final = 16
_MOMENT_SECONDS: Final = 0.001


class _Refused(Exception):
    """The queue was swamped while the request waited."""


class WaitingQueue:
    """`max_wait_seconds` is for a calm queue. `hand_back` returns the slot of a waiter that was cancelled after it got
    the slot.
    """

    def __init__(self, clock: Clock, max_wait_seconds: float, hand_back: Callable[[], None]) -> None:
        self._clock = clock
        self._hand_back = hand_back
        self._max_wait_seconds = max_wait_seconds
        self._queue: FairQueue[Waiter[None]] = FairQueue()
        self._window_began = clock.monotonic()
        self._turned_away_at = -_WINDOW_SECONDS
        self._length_then = self._called_then = self._called = self._gave_up = self._windows_of_standing = 0
        self.swamped = False

    def __len__(self) -> int:
        return self._queue.length

    async def wait(self, places: int, caller: Hashable = None) -> bool:
        """Wait for a slot. False: the request is refused."""
        if self.swamped and self._queue.length >= places:
            return False
        seconds = _MOMENT_SECONDS if self.swamped else self._max_wait_seconds
        try:
            await self._queue.wait(Waiter(caller), Deadline.after(seconds, self._clock), self._hand_back)
        except WaitedTooLong:
            self._gave_up += 1
            return False
        except _Refused:
            return False
        return True

    def call(self) -> bool:
        """Give the slot to a waiter. False if no request waits."""
        if not self._queue.length:
            return False
        waiter = self._queue.take(newest=not self.swamped and self._stalls(self._called_then))
        if waiter is None:
            return False
        waiter.serve(None)
        self._called += 1
        return True

    def turned_away(self) -> None:
        self._turned_away_at = self._clock.monotonic()

    def look(self) -> None:
        """Decide once in each window whether the queue is calm or swamped."""
        now = self._clock.monotonic()
        if now - self._window_began < _WINDOW_SECONDS or (self._queue.length and not self._called):
            # Because no waiter got a slot, the window proves nothing.
            return
        if self.swamped:
            self.swamped = now - self._turned_away_at < _WINDOW_SECONDS
        else:
            self._judge()
        self._window_began, self._length_then = now, self._queue.length
        self._called_then, self._called, self._gave_up = self._called, 0, 0

    def _stalls(self, called: int) -> bool:
        """Whether the queue stalls. `called`: the number of waiters that got a slot in the window.

        A queue is too long if its last waiter would wait too long. A queue that gets shorter because waiters get slots
        does not stall. Waiters that leave without a slot do not count.
        """
        length = self._queue.length
        held = length + self._gave_up
        if held <= _FEW:
            return False
        grows = held > _GROWTH * self._length_then and length > _SHORT * called
        wait_seconds = _WINDOW_SECONDS * length / max(called, 1)
        stands = held > self._length_then - called / 2
        return grows or (stands and wait_seconds > _TOO_LONG_SECONDS)

    def _judge(self) -> None:
        self._windows_of_standing = self._windows_of_standing + 1 if self._stalls(self._called) else 0
        self.swamped = self._windows_of_standing >= _WINDOWS
        if self.swamped:
            self._windows_of_standing = 0
            while (waiter := self._queue.take()) is not None:
                waiter.refuse(_Refused())
