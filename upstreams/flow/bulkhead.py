"""So many calls at once and no more, with a waiting line of bounded length and bounded patience, in which callers take
turns: whoever asks for one thing does not stand behind all that another one asked for.

Orders have a lane of their own: some places are out of reads' reach, and they go first; one place is out of theirs.
"""

import asyncio
from dataclasses import dataclass

from core.clock import Deadline
from upstreams.flow.fair_queue import FairQueue


class Crowded(Exception):
    """No place was free in time, or the line was full. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Whose call it is, and whether it belongs to an order."""

    caller: str = ""
    order: bool = False


_NOBODY = Lane()


class _Line:
    """The places of one kind, and who waits for one."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.in_flight = 0
        self.turns: FairQueue[asyncio.Future[None]] = FairQueue()

    def make_room(self, caller: str) -> bool:
        """Turn somebody else away, where one has more in the line than this caller."""
        greedy = self.turns.turn_away(caller)
        # He may have given up in this very turn, and not have left the line yet: his room is free all the same.
        if greedy is not None and not greedy.done():
            greedy.set_exception(Crowded("the line is full, and this caller has most in it"))
        return greedy is not None


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
        return self._reads.turns.length + self._orders.turns.length

    @property
    def in_flight(self) -> int:
        return self._reads.in_flight + self._orders.in_flight

    def ahead(self, lane: Lane = _NOBODY) -> int:
        """How many would go before the lane's next call and share its rate limit."""
        if lane.order:
            return self._orders.turns.ahead(lane.caller)
        return self._orders.turns.length + self._reads.turns.ahead(lane.caller)

    def place(self, deadline: Deadline, lane: Lane = _NOBODY) -> "_Place":
        """A place for one call, to be entered with `async with`. The wait counts against the deadline."""
        return _Place(self, deadline, lane)

    async def enter(self, deadline: Deadline, lane: Lane) -> None:
        line = self._line(lane)
        if not line.turns.length and self._has_place(line):
            line.in_flight += 1
            return
        # Each line has its own bound: orders may wait where the line of reads is full.
        if line.turns.length >= self._max_waiting and not line.make_room(lane.caller):
            raise Crowded("the line is full")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.turns.add(lane.caller, place)
        try:
            async with asyncio.timeout(deadline.remaining()):
                await place
        except BaseException as error:
            line.turns.remove(lane.caller, place)
            if place.done() and not place.cancelled() and place.exception() is None:
                # Called at the very moment of giving up: the place goes to the next.
                self._free(line)
            if isinstance(error, TimeoutError):
                raise Crowded("no place became free in time") from error
            raise

    def leave(self, lane: Lane) -> None:
        self._free(self._line(lane))

    def _line(self, lane: Lane) -> _Line:
        return self._orders if lane.order else self._reads

    def _free(self, line: _Line) -> None:
        line.in_flight -= 1
        for waiting in (self._orders, self._reads):
            while waiting.turns.length and self._has_place(waiting):
                place = waiting.turns.call()
                if not place.done():
                    waiting.in_flight += 1
                    place.set_result(None)

    def _has_place(self, line: _Line) -> bool:
        return self.in_flight < self._places and line.in_flight < line.places


class _Place:
    """One call's place. Not a generator, which costs as much as the rest of a free place."""

    __slots__ = ("_bulkhead", "_deadline", "_lane")

    def __init__(self, bulkhead: Bulkhead, deadline: Deadline, lane: Lane) -> None:
        self._bulkhead = bulkhead
        self._deadline = deadline
        self._lane = lane

    async def __aenter__(self) -> None:
        await self._bulkhead.enter(self._deadline, self._lane)

    async def __aexit__(self, *_raised: object) -> None:
        self._bulkhead.leave(self._lane)
