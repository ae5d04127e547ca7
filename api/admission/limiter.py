"""The concurrency limiter: admits as many requests as can be answered in time.

    in flight   All requests between arrival and answer. Above a hard bound a request gets no task (api/app.py).
    running     Requests that hold a slot. A request releases its slot while it waits for a vendor or for a slow client.
    waiting     Requests that wait for a slot (api/admission/waiting_queue.py).
    on trial    Requests that claim to be mutations. Their body is read without a slot. They continue only if they are
                mutations.

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

_ADAPT_SECONDS: Final = 0.05
_BUSY, _IDLE = 0.9, 0.75
_SHRINK, _GROW = 0.6, 1.25
_FIRST_LIMIT: Final = 16
# A body that arrives with its headers is complete within this time. Another body may take until its time-out.
_READING_SECONDS: Final = 0.05


class RequestShed(Exception):
    """There is no slot. The body of the request was not read."""


class Admission(Slot):
    """One admitted request. `on_trial`: the request may continue only if it is a mutation."""

    def __init__(self, limiter: "ConcurrencyLimiter", *, on_trial: bool) -> None:
        self._limiter = limiter
        self.on_trial = on_trial
        self.is_stream = False
        self._is_answered = False

    @override
    def release(self) -> None:
        if not self.on_trial:
            self._limiter.release_slot()

    @override
    def take(self) -> None:
        if not self.on_trial:
            self._limiter.take_slot()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Releases the slot while the client is slow to send its body."""
        is_slow = False

        def suspend() -> None:
            nonlocal is_slow
            is_slow = True
            self._limiter.suspend(self)

        timer = asyncio.get_running_loop().call_later(_READING_SECONDS, suspend)
        try:
            yield
        finally:
            timer.cancel()
            if is_slow:
                self._limiter.resume(self)

    def begin_stream(self) -> None:
        """The answer is a stream: it has a place of its own, and is no longer in flight."""
        self.is_stream = True
        self._limiter.in_flight -= 1
        self._limiter.streams += 1
        self.answered()

    def answered(self) -> None:
        """The work is done. The client still reads the answer, which needs no slot."""
        if not self._is_answered:
            self._is_answered = True
            self._limiter.suspend(self)


class ConcurrencyLimiter:
    """`busyness` returns the saturation of the process since its last call, from 0 to 1."""

    def __init__(self, section: OverloadSection, clock: Clock, busyness: Callable[[], float]) -> None:
        self._section = section
        self._clock = clock
        self._busyness = busyness
        self._queue = WaitingQueue(clock, section.max_wait_seconds, self.release_slot)
        self._limit = float(min(section.max_running, max(section.fewest, _FIRST_LIMIT)))
        self._adapted_at = clock.monotonic()
        self._has_waited = False
        self._timer: asyncio.TimerHandle | None = None
        self.in_flight = self.running = self.trials = self.shed = 0
        # The requests that have waited for a slot, and the sum of their times.
        self.waits, self.waited_seconds = 0, 0.0
        # Connections with streams. Their tasks wait most of the time, and have bounds of their own ([streams]).
        self.streams = 0

    @property
    def limit(self) -> int:
        return int(self._limit)

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def may_refuse(self, tasks: int) -> bool:
        """Whether `refuses` can be true. It costs every request a call, and reads no header."""
        return self._queue.overloaded or tasks - self.streams >= self._section.max_in_flight

    def refuses(self, tasks: int, *, says_mutation: bool, caller: Hashable) -> bool:
        """Whether a request is refused before it has a task: above the hard bound, or because the queue is full for its
        caller. `tasks`: the number of requests that have one.
        """
        tasks -= self.streams
        is_refused = tasks >= self._section.max_in_flight
        if not is_refused and not (says_mutation and self.trials < self._section.mutation_reserve):
            self._adapt()
            # A request that has a task and has not entered yet will wait.
            is_refused = self._queue.refuses(tasks - self.in_flight + self.waiting, self.limit, caller)
        self.shed += is_refused
        return is_refused

    async def enter(self, *, says_mutation: bool = False, caller: Hashable = None) -> Admission:
        """Get a slot, immediately or after a short wait, with fair queueing by caller. Raises RequestShed."""
        self._adapt()
        if self.in_flight >= self._section.max_in_flight:
            raise self._shed_request()
        self.in_flight += 1
        try:
            if await self._has_slot(caller):
                return Admission(self, on_trial=False)
        except BaseException:
            self.in_flight -= 1
            raise
        if says_mutation and self.trials < self._section.mutation_reserve:
            self.trials += 1
            return Admission(self, on_trial=True)
        self.in_flight -= 1
        raise self._shed_request()

    @contextmanager
    def open_socket(self) -> Iterator[None]:
        """A connection with streams that was not admitted as a request."""
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1

    def leave(self, admitted: Admission) -> None:
        if admitted.is_stream:
            self.streams -= 1
        else:
            self.in_flight -= 1
        admitted.answered()
        self._adapt()

    def suspend(self, admitted: Admission) -> None:
        if admitted.on_trial:
            self.trials -= 1
        else:
            self.release_slot()

    def resume(self, admitted: Admission) -> None:
        if admitted.on_trial:
            self.trials += 1
        else:
            self.take_slot()

    def release_slot(self) -> None:
        self.running -= 1
        self._give_slots()

    def take_slot(self) -> None:
        """Take a slot after a vendor's answer. A running request does not wait for a slot again."""
        self.running += 1

    def _shed_request(self) -> RequestShed:
        self.shed += 1
        return RequestShed()

    async def _has_slot(self, caller: Hashable) -> bool:
        if self.running < self.limit and not self._queue:
            self.running += 1
            return True
        self._has_waited = True
        self._adapt_later()
        came = self._clock.monotonic()
        try:
            return await self._queue.wait(self.limit, caller)
        finally:
            self.waits += 1
            self.waited_seconds += self._clock.monotonic() - came

    def _give_slots(self) -> None:
        while self.running < self.limit and self._queue.call():
            self.running += 1

    def _adapt_later(self) -> None:
        """Adapt the limit also while no request arrives or ends, because all running requests may wait for a
        database.
        """
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_ADAPT_SECONDS, self._adapt_now)

    def _adapt_now(self) -> None:
        self._timer = None
        if self._queue:
            self._has_waited = True
            self._adapt()
            self._adapt_later()

    def _adapt(self) -> None:
        now = self._clock.monotonic()
        self._queue.look(now)
        if now - self._adapted_at < _ADAPT_SECONDS:
            return
        self._adapted_at = now
        busy = self._busyness()
        if busy > _BUSY:
            self._limit = max(float(self._section.fewest), self._limit * _SHRINK)
        elif busy < _IDLE and self._has_waited:
            self._limit = min(float(self._section.max_running), self._limit * _GROW + 1)
            self._give_slots()
        self._has_waited = False
