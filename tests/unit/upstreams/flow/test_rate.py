import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from support.vendor_calls import HandClock

from core.clock import Deadline
from upstreams.flow.rate_limit import RateLimit

pytestmark = pytest.mark.anyio


async def test_no_more_than_n_in_any_minute():
    clock = HandClock()
    limit = RateLimit(clock, 3)
    taken = []
    for pause in (0, 50, 5, 0, 0, 0, 20, 0):
        clock.seconds += pause
        assert await limit.take(Deadline.after(600, clock))
        taken.append(clock.seconds)

    assert [later - earlier >= 60 for earlier, later in zip(taken, taken[3:], strict=False)] == [True] * 5
    assert all(earlier <= later for earlier, later in pairwise(taken))


async def test_a_wait_past_the_deadline_is_refused_at_once():
    clock = HandClock()
    limit = RateLimit(clock, 1)
    await limit.take(Deadline.after(1, clock))

    assert not await limit.take(Deadline.after(59, clock))
    assert clock.slept == []
    assert limit.wait_seconds() == 60


async def test_a_cancelled_waiter_returns_its_permit():
    class Patient(HandClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(3600 + seconds)

    clock = Patient()
    limit = RateLimit(clock, 1)
    await limit.take(Deadline.after(1, clock))
    waiting = asyncio.create_task(limit.take(Deadline.after(100, clock)))
    await asyncio.sleep(0)
    assert limit.wait_seconds() == 120

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert limit.wait_seconds() == 60


def test_those_before_count():
    clock = HandClock()
    limit = RateLimit(clock, 2)

    assert [limit.wait_seconds(ahead) for ahead in range(5)] == [0, 0, 60, 60, 120]


def test_no_call_waits_without_a_limit():
    assert RateLimit(HandClock(), None).wait_seconds(1000) == 0


@settings(max_examples=50)
@given(per_minute=some.integers(1, 30), pauses=some.lists(some.floats(0, 90), max_size=60))
def test_whatever_the_rhythm_the_vendor_never_sees_more(per_minute, pauses):
    async def run():
        clock = HandClock()
        limit = RateLimit(clock, per_minute)
        taken = []
        for pause in pauses:
            clock.seconds += pause
            await limit.take(Deadline.after(10_000, clock))
            taken.append(clock.seconds)
        return taken

    taken = asyncio.run(run())

    assert all(later - earlier >= 60 - 1e-6 for earlier, later in zip(taken, taken[per_minute:], strict=False))


class PatientClock(HandClock):
    """A sleeper does not wake unless it is cancelled."""

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.Event().wait()


async def test_a_permit_that_was_given_back_is_taken_before_a_later_one():
    clock = PatientClock()
    limit, patient = RateLimit(clock, 2), Deadline.after(1000, clock)
    for _ in range(2):
        await limit.take(patient)
    # Due in 60 seconds, 60, 120 and 120; only the last stays.
    waiting = [asyncio.create_task(limit.take(patient)) for _ in range(4)]
    await asyncio.sleep(0)
    for one in waiting[:3]:
        one.cancel()
    await asyncio.wait(waiting[:3])
    clock.seconds += 61

    assert await limit.take(patient)

    assert clock.slept == [60, 60, 120, 120]
    # One at 61 and one at 120: the next is one window after the first.
    assert limit.wait_seconds() == 60
    waiting[3].cancel()
    await asyncio.wait(waiting[3:])
