"""So many calls at once and no more, with a waiting line of bounded length and bounded patience, in which callers take
turns: whoever asks for one thing does not stand behind all that another one asked for.

Orders have a lane of their own: some places are out of reads' reach, and they go first; one place is out of theirs.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from upstreams.clock import Deadline


class Crowded(Exception):
    """No place was free in time, or the line was full. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Whose call it is, and whether it belongs to an order."""

    caller: str = ""
    order: bool = False


_NOBODY = Lane()


class _Line:
    """Those who wait for the same kind of place; callers take turns, each caller's own calls keep their order."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.in_flight = 0
        self.length = 0
        # The caller whose turn it is stands first.
        self._turns: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def ahead(self, caller: str) -> int:
        """How many would go before this caller's next call."""
        own = len(self._turns.get(caller, ()))
        return own + sum(min(len(waiting), own + 1) for other, waiting in self._turns.items() if other != caller)

    def add(self, caller: str, place: asyncio.Future[None]) -> None:
        self._turns.setdefault(caller, deque()).append(place)
        self.length += 1

    def remove(self, caller: str, place: asyncio.Future[None]) -> None:
        """Somebody gave up; who has been called already stands here no more."""
        waiting = self._turns.get(caller)
        if waiting is not None and place in waiting:
            waiting.remove(place)
            self._left(caller, waiting)

    def call(self) -> asyncio.Future[None]:
        """The next one; his caller's next call goes to the end."""
        caller, waiting = next(iter(self._turns.items()))
        place = waiting.popleft()
        self._turns.move_to_end(caller)
        self._left(caller, waiting)
        return place

    def make_room(self, caller: str) -> bool:
        """Turn away the newest call of whoever has most in the line, unless that is this caller."""
        greedy, waiting = max(self._turns.items(), key=lambda item: len(item[1]), default=(caller, deque()))
        if greedy == caller or len(waiting) <= len(self._turns.get(caller, ())) + 1:
            return False
        waiting.pop().set_exception(Crowded("the line is full, and this caller has most in it"))
        self._left(greedy, waiting)
        return True

    def _left(self, caller: str, waiting: deque[asyncio.Future[None]]) -> None:
        self.length -= 1
        if not waiting:
            del self._turns[caller]


class Bulkhead:
    """`reserved` of the places are for orders; as soon as there are three, one is for reads."""

    def __init__(self, *, max_in_flight: int, max_waiting: int, reserved: int = 0) -> None:
        self._places = max_in_flight
        self._max_waiting = max_waiting
        kept_for_reads = 1 if reserved and max_in_flight > 2 else 0  # noqa: PLR2004 - see above.
        self._reads = _Line(max_in_flight - reserved)
        self._orders = _Line(max_in_flight - kept_for_reads)

    @property
    def waiting(self) -> int:
        return self._reads.length + self._orders.length

    @property
    def in_flight(self) -> int:
        return self._reads.in_flight + self._orders.in_flight

    def ahead(self, lane: Lane = _NOBODY) -> int:
        """How many would go before the lane's next call and share its rate limit."""
        if lane.order:
            return self._orders.ahead(lane.caller)
        return self._orders.length + self._reads.ahead(lane.caller)

    @asynccontextmanager
    async def place(self, deadline: Deadline, lane: Lane = _NOBODY) -> AsyncIterator[None]:
        """A place for one call. The wait counts against the deadline."""
        line = self._orders if lane.order else self._reads
        await self._enter(line, lane, deadline)
        try:
            yield
        finally:
            self._leave(line)

    async def _enter(self, line: _Line, lane: Lane, deadline: Deadline) -> None:
        if not line.length and self._has_place(line):
            line.in_flight += 1
            return
        # Each line has its own bound: orders may wait where the line of reads is full.
        if line.length >= self._max_waiting and not line.make_room(lane.caller):
            raise Crowded("the line is full")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.add(lane.caller, place)
        try:
            async with asyncio.timeout(deadline.remaining()):
                await place
        except BaseException as error:
            line.remove(lane.caller, place)
            if place.done() and not place.cancelled() and place.exception() is None:
                # Called at the very moment of giving up: the place goes to the next.
                self._leave(line)
            if isinstance(error, TimeoutError):
                raise Crowded("no place became free in time") from error
            raise

    def _leave(self, line: _Line) -> None:
        line.in_flight -= 1
        for waiting in (self._orders, self._reads):
            while waiting.length and self._has_place(waiting):
                place = waiting.call()
                if not place.done():
                    waiting.in_flight += 1
                    place.set_result(None)

    def _has_place(self, line: _Line) -> bool:
        return self.in_flight < self._places and line.in_flight < line.places
