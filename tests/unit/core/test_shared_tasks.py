"""Work that is done once for all its waiters."""

import asyncio

import pytest

from core.shared_tasks import share

pytestmark = pytest.mark.anyio


class Work:
    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.may_end = asyncio.Event()
        self.runs = 0

    async def __call__(self):
        self.runs += 1
        await self.may_end.wait()
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def test_waiters_share_one_run_also_after_its_end():
    tasks, work = {}, Work("answer")
    waiters = [asyncio.create_task(share(tasks, "key", work)) for _ in range(3)]
    await asyncio.sleep(0)
    work.may_end.set()

    assert await asyncio.gather(*waiters) == ["answer"] * 3
    assert await share(tasks, "key", work) == "answer"
    assert work.runs == 1


async def test_a_cancelled_waiter_cancels_nothing_for_the_others():
    tasks, work = {}, Work("answer")
    first, second = (asyncio.create_task(share(tasks, "key", work)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    work.may_end.set()

    assert await second == "answer"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_failed_run_is_not_kept():
    tasks, work = {}, Work(ValueError("once"), "answer")
    work.may_end.set()

    with pytest.raises(ValueError, match="once"):
        await share(tasks, "key", work)
    assert await share(tasks, "key", work) == "answer"
