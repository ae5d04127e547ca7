"""The concurrency limiter: admits so many requests that the admitted ones are answered in time.

    in flight   All requests between arrival and answer. A hard bound protects the memory.
    running     Requests that keep this process busy. A request releases its slot while it waits for a vendor or for a
                slow client.
    waiting     Requests that wait for a slot (api/admission/waiting_queue.py).
    on trial    Requests that claim to be mutations. They are admitted without a slot, to be read. They go on only if
                they are mutations.

The limit follows the saturation of the process. In a saturated process more concurrency makes every request slower. In
a process that waits for other systems more concurrency gives more answers.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final

from typing_extensions import override

from api.admission.waiting_queue import WaitingQueue
from api.settings.overload import OverloadSection
from core.clock import Clock
from core.lifetime import Slot

_TICK_SECONDS: Final = 0.05
_BUSY, _IDLE = 0.9, 0.75
_SHRINK, _GROW = 0.6, 1.25
_FIRST_PLACES: Final = 16
_FEW_PLACES: Final = 4
# A body that arrives with its headers is complete by then; another one may take until its time-out.
_READING_SECONDS: Final = 0.05


class RequestShed(Exception):
    """There is no slot. Nothing of the request was read."""


class Admission(Slot):
    """One request inside. `on_trial`: it may go on only if it is a mutation."""

    def __init__(self, gate: "ConcurrencyLimiter", *, on_trial: bool) -> None:
        self._gate = gate
        self.on_trial = on_trial
        self._is_answered = False

    @override
    def release(self) -> None:
        if not self.on_trial:
            self._gate.step_aside()

    @override
    def take(self) -> None:
        if not self.on_trial:
            self._gate.step_back()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Releases the slot while the client is slow to send its body."""
        is_slow = False

        def give_up() -> None:
            nonlocal is_slow
            is_slow = True
            self._gate.give_up(self)

        timer = asyncio.get_running_loop().call_later(_READING_SECONDS, give_up)
        try:
            yield
        finally:
            timer.cancel()
            if is_slow:
                self._gate.take_again(self)

    def answered(self) -> None:
        """The work is done: only the client's reading is left, which needs no slot."""
        if not self._is_answered:
            self._is_answered = True
            self._gate.give_up(self)


class ConcurrencyLimiter:
    """`busyness` returns the saturation of the process since its last call, from 0 to 1."""

    def __init__(self, section: OverloadSection, clock: Clock, busyness: Callable[[], float]) -> None:
        self._section = section
        self._clock = clock
        self._busyness = busyness
        self._line = WaitingQueue(clock, section.max_wait_seconds, self.step_aside)
        self._places = float(min(section.max_running, max(section.fewest, _FIRST_PLACES)))
        self._ticked = clock.monotonic()
        self._wanted_more = False
        self.in_flight = self.running = self.trials = self.shed = 0

    @property
    def limit(self) -> int:
        # In an overload a low limit keeps the latency of admitted requests low; shared calls matter less then.
        return min(int(self._places), _FEW_PLACES) if self._line.swamped else int(self._places)

    @property
    def waiting(self) -> int:
        return len(self._line)

    async def enter(self, *, says_mutation: bool = False, caller: Hashable = None) -> Admission:
        """A place, now or after a short wait, in which callers take turns. Raises Shed."""
        self._tick()
        if self.in_flight >= self._section.max_in_flight:
            raise self._turned_away()
        self.in_flight += 1
        try:
            if await self._has_place(caller):
                return Admission(self, on_trial=False)
        except BaseException:
            self.in_flight -= 1
            raise
        if says_mutation and self.trials < self._section.mutation_reserve:
            self.trials += 1
            return Admission(self, on_trial=True)
        self.in_flight -= 1
        raise self._turned_away()

    def leave(self, admitted: Admission) -> None:
        self.in_flight -= 1
        admitted.answered()
        self._tick()

    def give_up(self, admitted: Admission) -> None:
        if admitted.on_trial:
            self.trials -= 1
        else:
            self.step_aside()

    def take_again(self, admitted: Admission) -> None:
        if admitted.on_trial:
            self.trials += 1
        else:
            self.step_back()

    def step_aside(self) -> None:
        self.running -= 1
        self._call()

    def step_back(self) -> None:
        """Take a slot after a vendor's answer. A request that has begun does not wait again."""
        self.running += 1

    def _turned_away(self) -> RequestShed:
        self.shed += 1
        self._line.turned_away()
        return RequestShed()

    async def _has_place(self, caller: Hashable) -> bool:
        if self.running < self.limit and not self._line:
            self.running += 1
            return True
        self._wanted_more = True
        return await self._line.wait(self.limit, caller)

    def _call(self) -> None:
        while self.running < self.limit and self._line.call():
            self.running += 1

    def _tick(self) -> None:
        self._line.look()
        now = self._clock.monotonic()
        if now - self._ticked < _TICK_SECONDS:
            return
        self._ticked = now
        busy = self._busyness()
        if busy > _BUSY:
            self._places = max(float(self._section.fewest), self._places * _SHRINK)
        elif busy < _IDLE and self._wanted_more:
            self._places = min(float(self._section.max_running), self._places * _GROW + 1)
            self._call()
        self._wanted_more = False
