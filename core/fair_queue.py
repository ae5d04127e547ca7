"""The fair queue: its waiters are served by caller in turn, so that a caller's burst delays only that caller."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from core.clock import Deadline

V = TypeVar("V")


class WaitedTooLong(Exception):
    """The waiter's deadline passed before the waiter was served."""


class Waiter(Generic[V]):
    """One waiter of a fair queue. `served` is done when the waiter is served, is refused or has waited too long."""

    __slots__ = ("caller", "served")

    def __init__(self, caller: Hashable) -> None:
        self.caller = caller
        self.served: asyncio.Future[V] = asyncio.get_running_loop().create_future()

    def serve(self, value: V) -> None:
        if not self.served.done():
            self.served.set_result(value)

    def refuse(self, error: Exception) -> None:
        if not self.served.done():
            self.served.set_exception(error)

    @property
    def is_served(self) -> bool:
        return self.served.done() and not self.served.cancelled() and self.served.exception() is None


W = TypeVar("W", bound=Waiter[Any])


class FairQueue(Generic[W]):
    """A queue with one lane for each caller.

    - The first caller has the next turn. After its turn this caller is the last.
    - A lane keeps the order in which its waiters came.
    - A waiter is removed from the queue when it is taken, or when its wait ends.
    """

    __slots__ = ("_lanes", "length")

    def __init__(self) -> None:
        self.length = 0
        # Because a waiter may leave from any place, a lane is a dict, which keeps the order and finds the waiter.
        self._lanes: OrderedDict[Hashable, dict[W, None]] = OrderedDict()

    async def wait(self, waiter: W, deadline: Deadline, hand_back: Callable[[], None] | None = None) -> None:
        """Return when the waiter is served. Raises WaitedTooLong after the deadline, and the error of a refusal.

        `hand_back` is called if the waiter was served, but its task is cancelled before it runs. It returns the served
        resource.
        """
        self._lanes.setdefault(waiter.caller, {})[waiter] = None
        self.length += 1
        # `call_later` costs a fraction of `asyncio.timeout`, which cancels a task.
        timer = asyncio.get_running_loop().call_later(deadline.remaining(), _expire, waiter)
        try:
            await waiter.served
        except BaseException:
            if waiter.is_served and hand_back is not None:
                hand_back()
            raise
        finally:
            timer.cancel()
            self._remove(waiter)

    def first(self, *, newest: bool = False) -> W | None:
        """The oldest waiter of the caller with the next turn, or its newest. None if there is no waiter."""
        while self._lanes:
            lane = next(iter(self._lanes.values()))
            waiter = next(reversed(lane) if newest else iter(lane))
            if not waiter.served.done():
                return waiter
            # The wait has ended, although the waiter's task has not run since.
            self._remove(waiter)
        return None

    def take(self, *, newest: bool = False) -> W | None:
        """Remove the waiter of `first` from the queue and return it, so that it can be served."""
        waiter = self.first(newest=newest)
        if waiter is not None:
            self.take_turn(waiter)
        return waiter

    def take_turn(self, waiter: W) -> None:
        """Remove the waiter that `first` returned, so that it can be served."""
        self._lanes.move_to_end(waiter.caller)
        self._remove(waiter)

    def has(self, caller: Hashable) -> bool:
        """Whether a request of the caller waits."""
        return caller in self._lanes

    def has_longest(self, caller: Hashable) -> bool:
        """Whether `caller` with one more waiter would have the longest lane."""
        longest = max(map(len, self._lanes.values()), default=0)
        return longest <= len(self._lanes.get(caller, ())) + 1

    def take_of_longest(self, caller: Hashable) -> W | None:
        """Take the newest waiter of the longest lane. None if `caller` with one more waiter would have the longest
        lane.
        """
        if self.has_longest(caller):
            return None
        longest = max(self._lanes.values(), key=len)
        waiter = next(reversed(longest))
        self._remove(waiter)
        return waiter

    def ahead(self, caller: Hashable) -> int:
        """How many waiters would be served before the next waiter of this caller."""
        own = len(self._lanes.get(caller, ()))
        return own + sum(min(len(lane), own + 1) for other, lane in self._lanes.items() if other != caller)

    def _remove(self, waiter: W) -> None:
        lane = self._lanes.get(waiter.caller)
        if lane is not None and waiter in lane:
            del lane[waiter]
            self.length -= 1
            if not lane:
                del self._lanes[waiter.caller]


def _expire(waiter: Waiter[Any]) -> None:
    waiter.refuse(WaitedTooLong())
