"""The bulkhead of one vendor connection: bounds the calls in flight. Further calls wait in a bounded fair queue.

- Reads cannot use some of the slots, and commands are served first. Commands cannot use one of the slots.
- Commands are served by trading server in turn. No server can use the last slot of the commands, so that a silent
  server does not delay the commands of the others.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from core.clock import Deadline
from core.fair_queue import FairQueue, WaitedTooLong, Waiter


class BulkheadFull(Exception):
    """No slot became free in time, or the queue is full. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The caller of a call, whether the call belongs to a command, and its trading server; "" for a vendor without."""

    caller: str = ""
    for_command: bool = False
    server: str = ""


_NO_CALLER = Lane()
_FEWEST_WITH_A_READ = 3


class _Slots:
    """The slots for reads, or for the commands of one trading server, and the waiters for one."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.in_flight = 0
        self.queue: FairQueue[Waiter[None]] = FairQueue()

    def make_room(self, caller: str) -> bool:
        """Refuse a waiter of the caller with the most waiters, if this is another caller."""
        refused = self.queue.take_of_longest(caller)
        if refused is not None:
            refused.refuse(BulkheadFull("the queue is full, and this caller has most waiters in it"))
        return refused is not None


class Bulkhead:
    """`reserved` of the slots are for commands. If there are three slots or more, one of them is for reads."""

    def __init__(self, *, max_in_flight: int, max_waiting: int, reserved: int = 0) -> None:
        self._most = max_in_flight
        self._max_waiting = max_waiting
        kept_for_reads = 1 if reserved and max_in_flight >= _FEWEST_WITH_A_READ else 0
        self._reads = _Slots(max_in_flight - reserved)
        self._most_commands = max_in_flight - kept_for_reads
        self._commands_in_flight = 0
        # The server with the next turn is the first.
        self._by_server: OrderedDict[str, _Slots] = OrderedDict()

    @property
    def waiting(self) -> int:
        return self._reads.queue.length + self._waiting_commands

    @property
    def in_flight(self) -> int:
        return self._reads.in_flight + self._commands_in_flight

    @property
    def _waiting_commands(self) -> int:
        return sum(slots.queue.length for slots in self._by_server.values())

    def ahead(self, lane: Lane = _NO_CALLER) -> int:
        """The number of calls that would go before the lane's next call and use the same rate limit."""
        if not lane.for_command:
            return self._waiting_commands + self._reads.queue.ahead(lane.caller)
        own = self._slots(lane)
        before = own.queue.ahead(lane.caller)
        return before + sum(min(one.queue.length, before + 1) for one in self._by_server.values() if one is not own)

    def slot(self, deadline: Deadline, lane: Lane = _NO_CALLER) -> "_Slot":
        """A slot for one call, as a context for `async with`. The wait counts against the deadline."""
        return _Slot(self, deadline, lane)

    async def enter(self, deadline: Deadline, lane: Lane) -> None:
        slots = self._slots(lane)
        if not slots.queue.length and self._is_free(slots):
            self._take(slots)
            return
        # Each queue has its own bound: commands may wait while the queue of reads is full.
        if slots.queue.length >= self._max_waiting and not slots.make_room(lane.caller):
            raise BulkheadFull("the queue is full")
        try:
            await slots.queue.wait(Waiter(lane.caller), deadline, partial(self._release, slots))
        except WaitedTooLong as error:
            raise BulkheadFull("no slot became free in time") from error

    def leave(self, lane: Lane) -> None:
        self._release(self._slots(lane))

    def _slots(self, lane: Lane) -> _Slots:
        if not lane.for_command:
            return self._reads
        slots = self._by_server.get(lane.server)
        if slots is None:
            kept_for_others = 1 if lane.server and self._most_commands > 1 else 0
            slots = self._by_server[lane.server] = _Slots(self._most_commands - kept_for_others)
        return slots

    def _take(self, slots: _Slots) -> None:
        slots.in_flight += 1
        self._commands_in_flight += slots is not self._reads

    def _release(self, released: _Slots) -> None:
        released.in_flight -= 1
        self._commands_in_flight -= released is not self._reads
        while self._serve_command() or self._serve(self._reads):
            pass

    def _serve_command(self) -> bool:
        for server, slots in self._by_server.items():
            if self._serve(slots):
                self._by_server.move_to_end(server)
                return True
        return False

    def _serve(self, slots: _Slots) -> bool:
        """Give a free slot to the next waiter. False if there is no waiter, or no free slot for it."""
        waiter = slots.queue.take() if self._is_free(slots) else None
        if waiter is None:
            return False
        self._take(slots)
        waiter.serve(None)
        return True

    def _is_free(self, slots: _Slots) -> bool:
        is_allowed = slots is self._reads or self._commands_in_flight < self._most_commands
        return is_allowed and self.in_flight < self._most and slots.in_flight < slots.most


class _Slot:
    """The slot of one call. It is a class, because a generator-based context would double the cost of a free slot."""

    __slots__ = ("_bulkhead", "_deadline", "_lane")

    def __init__(self, bulkhead: Bulkhead, deadline: Deadline, lane: Lane) -> None:
        self._bulkhead = bulkhead
        self._deadline = deadline
        self._lane = lane

    async def __aenter__(self) -> None:
        await self._bulkhead.enter(self._deadline, self._lane)

    async def __aexit__(self, *_raised: object) -> None:
        self._bulkhead.leave(self._lane)
