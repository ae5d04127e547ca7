import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.clock import Clock, Deadline
from core.fair_queue import FairQueue, WaitedTooLong, Waiter

pytestmark = pytest.mark.anyio


class Refusal(Exception):
    pass


class Desk:
    """A fair queue, its waiters and what became of them."""

    def __init__(self) -> None:
        self.queue: FairQueue[Waiter[str]] = FairQueue()
        self.handed_back = 0

    def hand_back(self) -> None:
        self.handed_back += 1

    async def wait(self, caller: str, seconds: float = 30.0) -> str:
        waiter: Waiter[str] = Waiter(caller)
        await self.queue.wait(waiter, Deadline.after(seconds, Clock()), self.hand_back)
        return waiter.served.result()

    async def join(self, callers: str, seconds: float = 30.0) -> list[asyncio.Task[str]]:
        tasks = [asyncio.create_task(self.wait(caller, seconds)) for caller in callers]
        await asyncio.sleep(0)
        return tasks

    def serve_all(self, *, newest: bool = False) -> list[Waiter[str]]:
        served = []
        while (waiter := self.queue.take(newest=newest)) is not None:
            waiter.serve(f"{waiter.caller}{len(served)}")
            served.append(waiter)
        return served


async def test_callers_are_served_in_turn_and_each_callers_waiters_in_their_order():
    desk = Desk()
    tasks = await desk.join("aaaabbc")

    assert desk.queue.first() is desk.queue.first()
    served = desk.serve_all()

    assert "".join(str(waiter.caller) for waiter in served) == "abcabaa"
    assert await asyncio.gather(*tasks) == ["a0", "a3", "a5", "a6", "b1", "b4", "c2"]
    assert (desk.queue.length, desk.queue.first(), desk.queue.take()) == (0, None, None)


async def test_the_newest_waiter_of_the_caller_with_the_next_turn_is_served_when_asked_for():
    desk = Desk()
    tasks = await desk.join("aaabb")

    desk.serve_all(newest=True)

    assert await asyncio.gather(*tasks) == ["a4", "a2", "a0", "b3", "b1"]


async def test_a_caller_that_comes_back_is_the_last():
    desk = Desk()
    tasks = await desk.join("ab")
    first = desk.queue.take()
    assert first is not None
    first.serve("first")
    tasks += await desk.join("ca")

    assert [first.caller, *(waiter.caller for waiter in desk.serve_all())] == ["a", "b", "c", "a"]
    await asyncio.gather(*tasks)


async def test_the_waiters_ahead_are_those_that_are_served_before_the_callers_next_one():
    desk = Desk()
    tasks = await desk.join("aaaaaabb")

    assert [desk.queue.ahead(caller) for caller in "abc"] == [8, 5, 2]
    desk.serve_all()
    await asyncio.gather(*tasks)


async def test_the_longest_lane_gives_its_newest_waiter_unless_it_is_the_callers_own():
    desk = Desk()
    tasks = await desk.join("aaab")

    assert desk.queue.take_of_longest("a") is None
    refused = desk.queue.take_of_longest("b")
    assert refused is not None
    refused.refuse(Refusal())
    assert desk.queue.take_of_longest("b") is None
    desk.serve_all()

    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [str, str, Refusal, str]


async def test_a_waiter_leaves_the_queue_when_its_deadline_passes():
    desk = Desk()
    patient = await desk.join("a")
    hasty = await desk.join("ab", seconds=0.0)

    results = await asyncio.gather(*hasty, return_exceptions=True)

    assert [type(result) for result in results] == [WaitedTooLong, WaitedTooLong]
    assert desk.queue.length == 1
    assert [waiter.caller for waiter in desk.serve_all()] == ["a"]
    assert await patient[0] == "a0"


async def test_a_waiter_whose_wait_has_ended_takes_no_turn_although_its_task_has_not_run():
    desk = Desk()
    cancelled, patient, other = await desk.join("aab")

    cancelled.cancel()

    assert desk.queue.length == 3
    desk.serve_all()
    assert await asyncio.gather(patient, other) == ["a0", "b1"]


async def test_what_a_waiter_was_given_is_handed_back_when_it_is_cancelled_while_being_served():
    desk = Desk()
    [task] = await desk.join("a")

    [waiter] = desk.serve_all()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert waiter.is_served
    assert (desk.handed_back, desk.queue.length) == (1, 0)


@pytest.mark.parametrize("ends", ["is cancelled", "is refused", "is cancelled while being refused", "is late"])
async def test_a_waiter_that_was_given_nothing_hands_nothing_back(ends):
    desk = Desk()
    [task] = await desk.join("a", seconds=0.0 if ends == "is late" else 30.0)

    if "refused" in ends:
        waiter = desk.queue.take()
        assert waiter is not None
        waiter.refuse(Refusal())
    if "cancelled" in ends:
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert (desk.handed_back, desk.queue.length) == (0, 0)


ACTIONS = some.one_of(
    some.tuples(some.just("comes"), some.sampled_from("abc")),
    some.tuples(some.just("comes late"), some.sampled_from("abc")),
    some.tuples(some.just("is cancelled"), some.integers(0, 30)),
    some.tuples(some.just("is served"), some.booleans()),
    some.tuples(some.just("is refused"), some.sampled_from("abc")),
    some.tuples(some.just("the loop runs"), some.none()),
)


@given(actions=some.lists(ACTIONS, max_size=60))
def test_every_waiter_ends_once_and_no_slot_is_lost_whatever_happens(actions):
    async def run() -> None:
        desk, tasks, given_out = Desk(), [], 0
        for action, detail in actions:
            if action.startswith("comes"):
                tasks.append(asyncio.create_task(desk.wait(detail, 0.0 if action == "comes late" else 30.0)))
            elif action == "is cancelled" and tasks:
                tasks[detail % len(tasks)].cancel()
            elif action == "is served" and (waiter := desk.queue.take(newest=detail)) is not None:
                waiter.serve("slot")
                given_out += 1
            elif action == "is refused" and (waiter := desk.queue.take_of_longest(detail)) is not None:
                waiter.refuse(Refusal())
            elif action == "the loop runs":
                await asyncio.sleep(0)
        # Let the last ones come, and those that are late leave.
        for _ in range(3):
            await asyncio.sleep(0)
        given_out += len(desk.serve_all())
        results = await asyncio.gather(*tasks, return_exceptions=True)

        kinds = Counter(type(result) for result in results)
        assert not kinds.keys() - {str, Refusal, WaitedTooLong, asyncio.CancelledError}
        assert given_out == kinds[str] + desk.handed_back
        assert desk.queue.length == 0
        assert desk.queue.first() is None

    asyncio.run(run())


@given(names=some.lists(some.sampled_from("abcd"), max_size=24))
def test_no_caller_is_served_twice_while_another_waits(names):
    async def run() -> None:
        desk = Desk()
        tasks = await desk.join("".join(names))
        left = Counter(names)
        turns = [str(waiter.caller) for waiter in desk.serve_all()]
        last = dict.fromkeys(names, -1)
        for number, caller in enumerate(turns):
            # The caller that has waited longest since its last turn has the next one.
            waiting = [other for other in last if left[other]]
            assert last[caller] == min(last[other] for other in waiting)
            last[caller] = number
            left[caller] -= 1
        assert Counter(turns) == Counter(names)
        await asyncio.gather(*tasks)

    asyncio.run(run())
