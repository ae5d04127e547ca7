"""How many requests run at once, so that those that do are answered in time, whatever comes besides.

    present   everybody between the door and the answer, those who wait for a vendor included: a hard bound, for memory
    running   those who keep this process busy; who waits for a vendor does not, nor whose client takes its time to
              send the body or to read the answer: who hangs costs nobody else a place
    waiting   for a place: api/admission/waiting_queue.py says how long that is worth it
    on trial  said to be a mutation, and let in although there is no place, to be read: if it is one, it goes on

The number of places follows what the process can do: while it is busy all the time, more at once make everybody slower
and nobody sooner; while it is not, it is the others that are slow, and more at once is right.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final

from api.admission.waiting_queue import WaitingQueue
from api.settings.overload import OverloadSection
from core.clock import Clock

_TICK_SECONDS: Final = 0.05
_BUSY, _IDLE = 0.9, 0.75
_SHRINK, _GROW = 0.6, 1.25
_FIRST_PLACES: Final = 16
_FEW_PLACES: Final = 4
# A body that comes with its headers is there at once; one that is not by then may take until its time is over.
_READING_SECONDS: Final = 0.05


class RequestShed(Exception):
    """There is no place. Nothing of the request was read."""


class Admission:
    """One request inside. `on_trial`: it may go on only if it is a mutation."""

    def __init__(self, gate: "ConcurrencyLimiter", *, on_trial: bool) -> None:
        self._gate = gate
        self.on_trial = on_trial
        self._away = 0
        self._is_answered = False

    @contextmanager
    def away(self) -> Iterator[None]:
        """While a vendor is waited for, somebody else may have the place; several calls at once count as one."""
        self._away += 1
        if self._away == 1 and not self.on_trial:
            self._gate.step_aside()
        try:
            yield
        finally:
            self._away -= 1
            if self._away == 0 and not self.on_trial:
                self._gate.step_back()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While the client sends. The place is given up for as long as it takes its time about that."""
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
        """The work is done; what is left goes at the pace at which the client reads."""
        if not self._is_answered:
            self._is_answered = True
            self._gate.give_up(self)


class ConcurrencyLimiter:
    """`busyness` tells how busy the process was since it was last asked, from 0 to 1."""

    def __init__(self, section: OverloadSection, clock: Clock, busyness: Callable[[], float]) -> None:
        self._section = section
        self._clock = clock
        self._busyness = busyness
        self._line = WaitingQueue(clock, section.max_wait_seconds, self.step_aside)
        self._places = float(min(section.max_running, max(section.fewest, _FIRST_PLACES)))
        self._ticked = clock.monotonic()
        self._wanted_more = False
        self.present = self.running = self.trials = self.shed = 0

    @property
    def places(self) -> int:
        # In an overload whoever is served is to be served soon; sharing calls is for those who have time.
        return min(int(self._places), _FEW_PLACES) if self._line.swamped else int(self._places)

    @property
    def waiting(self) -> int:
        return len(self._line)

    async def enter(self, *, says_mutation: bool = False, caller: Hashable = None) -> Admission:
        """A place, now or after a short wait, in which callers take turns. Raises Shed."""
        self._tick()
        if self.present >= self._section.max_in_flight:
            raise self._turned_away()
        self.present += 1
        try:
            if await self._has_place(caller):
                return Admission(self, on_trial=False)
        except BaseException:
            self.present -= 1
            raise
        if says_mutation and self.trials < self._section.mutation_reserve:
            self.trials += 1
            return Admission(self, on_trial=True)
        self.present -= 1
        raise self._turned_away()

    def leave(self, admitted: Admission) -> None:
        self.present -= 1
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
        """Back from a vendor. Nobody who has begun is made to wait again."""
        self.running += 1

    def _turned_away(self) -> RequestShed:
        self.shed += 1
        self._line.turned_away()
        return RequestShed()

    async def _has_place(self, caller: Hashable) -> bool:
        if self.running < self.places and not self._line:
            self.running += 1
            return True
        self._wanted_more = True
        return await self._line.wait(self.places, caller)

    def _call(self) -> None:
        while self.running < self.places and self._line.call():
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
