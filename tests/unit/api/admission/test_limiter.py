"""The concurrency limit follows the load of the process, and no slot is lost."""

import asyncio
from collections import Counter
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as some

from api.admission.limiter import Admission, ConcurrencyLimiter, RequestShed
from api.admission.load_shedding import LoadShedding
from api.admission.waiting_queue import WaitingQueue
from api.settings.http import HttpSection
from api.settings.overload import OverloadSection
from core.clock import Clock
from core.lifetime import Lifetime

pytestmark = pytest.mark.anyio

SMALL = OverloadSection(max_in_flight=10, max_running=2, min_running=1, mutation_reserve=0, max_wait_seconds=0.01)


REQUEST = {"type": "http", "path": "/graphql", "headers": []}


class HandClock(Clock):
    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


def gate_of(section: OverloadSection = SMALL, busy: float = 0.8) -> ConcurrencyLimiter:
    return ConcurrencyLimiter(section, HandClock(), lambda: busy)


async def test_requests_above_the_limit_wait_and_are_shed():
    gate = gate_of()
    inside = [await gate.enter(), await gate.enter()]

    results = await asyncio.gather(*(gate.enter() for _ in range(5)), return_exceptions=True)

    assert [type(result) for result in results] == [RequestShed] * 5
    assert (gate.in_flight, gate.running, gate.waiting, gate.shed) == (2, 2, 0, 5)
    for admitted in inside:
        gate.leave(admitted)
    gate.leave(await gate.enter())
    assert (gate.in_flight, gate.running) == (0, 0)


async def test_a_waiter_gets_the_slot_that_becomes_free():
    gate = gate_of(OverloadSection(max_running=1, min_running=1, mutation_reserve=0, max_wait_seconds=10.0))
    first = await gate.enter()
    waiting = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    assert gate.waiting == 1

    gate.leave(first)

    gate.leave(await waiting)
    assert (gate.in_flight, gate.running) == (0, 0)


async def test_o7_an_idle_process_admits_more_while_no_request_enters_or_leaves():
    """All running requests wait for a locked table of a database, and one more arrives."""
    gate = ConcurrencyLimiter(OverloadSection(max_running=32, max_wait_seconds=30.0), Clock(), lambda: 0.0)
    stuck = [await gate.enter() for _ in range(gate.limit)]

    async with asyncio.timeout(10):
        admitted = await gate.enter()

    assert gate.running == len(stuck) + 1
    for one in (*stuck, admitted):
        gate.leave(one)


class Shop:
    """A limiter with one slot and a clock of its own: `serve` releases the slot, some milliseconds later."""

    def __init__(self, mutation_reserve: int = 0) -> None:
        self.clock = HandClock()
        section = OverloadSection(max_running=1, mutation_reserve=mutation_reserve)
        self.gate = ConcurrencyLimiter(section, self.clock, lambda: 0.8)
        self.inside: list[Admission] = []
        self.waits: list[float] = []
        self.answered: Counter[str] = Counter()
        self.shed = 0
        self.tasks: list[asyncio.Task[None]] = []

    async def _visit(self, caller: str) -> None:
        came = self.clock.seconds
        try:
            self.inside.append(await self.gate.enter(caller=caller))
            self.waits.append(self.clock.seconds - came)
            self.answered[caller] += 1
        except RequestShed:
            self.shed += 1

    async def come(self, number: int, caller: str = "one") -> None:
        self.tasks += [asyncio.create_task(self._visit(caller)) for _ in range(number)]
        await settle()

    def refuses(self, caller: str, *, says_mutation: bool = False) -> bool:
        return self.gate.refuses(self.gate.in_flight, says_mutation=says_mutation, caller=caller)

    async def serve(self, seconds: float = 0.005) -> None:
        self.clock.seconds += seconds
        if self.inside:
            self.gate.leave(self.inside.pop())
        await settle()

    async def close(self) -> None:
        """End the visits that still wait. Otherwise they would end during another test."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_all_of_a_burst_are_served():
    shop = Shop()
    await shop.come(400)

    for _ in range(400):
        await shop.serve()

    assert (len(shop.waits), shop.shed, shop.gate.in_flight) == (400, 0, 0)


async def test_callers_that_repeat_after_each_answer_wait_for_each_other():
    shop = Shop()
    await shop.come(16)
    for _ in range(200):
        await shop.serve(0.025)
        await shop.come(1)

    assert (shop.shed, shop.gate.waiting) == (0, 15)
    assert max(shop.waits[100:]) <= 16 * 0.025 + 1e-6
    await shop.close()


async def test_a_few_large_requests_wait_for_each_other():
    shop = Shop()
    await shop.come(6)
    for _ in range(40):
        await shop.serve(0.7)
        await shop.come(1)

    assert (shop.shed, shop.gate.waiting) == (0, 5)
    await shop.close()


async def test_many_quick_callers_that_repeat_are_no_overload():
    """A hundred connections of one caller, each request takes a millisecond: no request waits long."""
    shop = Shop()
    await shop.come(100)
    for _ in range(3000):
        await shop.serve(0.001)
        await shop.come(1)

    assert shop.shed == 0
    assert max(shop.waits[1500:]) <= 100 * 0.001 + 1e-6


async def test_requests_wait_for_one_long_request():
    shop = Shop()
    await shop.come(197)
    for _ in range(3):
        shop.clock.seconds += 0.5
        await shop.come(1)
    for _ in range(200):
        await shop.serve()

    assert (len(shop.waits), shop.shed) == (200, 0)


async def test_a_caller_that_repeats_is_answered_while_another_floods():
    shop = Shop()
    for _ in range(1000):
        if shop.answered["polite"] == len([task for task in shop.tasks if task.get_name() == "polite"]):
            await shop.come(1, "polite")
            shop.tasks[-1].set_name("polite")
        await shop.come(0 if shop.refuses("greedy") else 4, "greedy")
        await shop.serve()

    asked = sum(task.get_name() == "polite" for task in shop.tasks)
    assert asked - shop.answered["polite"] <= 1
    assert asked >= 300
    assert shop.gate.shed >= 500


async def test_a_request_above_the_hard_bound_needs_no_task():
    gate = gate_of()

    assert [gate.may_refuse(tasks) for tasks in (9, 10)] == [False, True]
    assert [gate.refuses(10, says_mutation=says, caller=None) for says in (False, True)] == [True, True]
    assert (gate.shed, gate.in_flight) == (2, 0)


async def test_a_stream_is_no_request_in_flight():
    gate = gate_of()
    admitted = await gate.enter()
    admitted.begin_stream()
    with gate.open_socket():
        assert (gate.in_flight, gate.running, gate.streams) == (0, 0, 2)
        # Ten requests and two streams have a task.
        assert [gate.may_refuse(tasks) for tasks in (11, 12)] == [False, True]
        assert gate.refuses(12, says_mutation=False, caller=None)

    gate.leave(admitted)
    assert (gate.in_flight, gate.running, gate.streams) == (0, 0, 0)


async def test_an_overload_refuses_before_a_task_exists_until_it_is_over():
    shop = await overloaded(5.0)
    await shop.come(16)
    assert shop.gate.may_refuse(1)
    assert shop.refuses("one")
    assert not shop.refuses("another")

    for _ in range(300):
        await shop.serve()

    assert not shop.refuses("one")
    assert not shop.gate.may_refuse(1)


async def test_an_overload_leaves_the_reserve_to_mutations():
    shop = await overloaded(5.0, mutation_reserve=1)
    await shop.come(16)
    assert [shop.refuses("one", says_mutation=says) for says in (False, True)] == [True, False]

    shop.gate.trials = 1

    assert shop.refuses("one", says_mutation=True)


async def test_a_burst_of_one_caller_delays_only_that_caller():
    gate, inside = gate_of(OverloadSection(max_running=1, min_running=1, mutation_reserve=0)), []

    async def visit(caller):
        admitted = await gate.enter(caller=caller)
        inside.append(caller)
        await asyncio.sleep(0)
        gate.leave(admitted)

    callers = ["greedy"] * 10 + ["polite", "shy"]
    await asyncio.gather(*map(visit, callers))

    assert inside[:5] == ["greedy", "greedy", "polite", "shy", "greedy"]
    assert sorted(inside) == sorted(callers)
    assert (gate.in_flight, gate.running, gate.waiting) == (0, 0, 0)


async def overloaded(seconds: float, mutation_reserve: int = 0) -> Shop:
    """Four come while one is served."""
    shop = Shop(mutation_reserve)
    while shop.clock.seconds < seconds:
        await shop.come(4)
        await shop.serve()
    return shop


async def test_an_admitted_request_is_answered_in_time_under_overload():
    shop = await overloaded(10.0)

    assert len(shop.waits) == pytest.approx(2000, rel=0.05)
    assert sorted(shop.waits)[int(0.99 * len(shop.waits))] <= 2 * 0.005
    assert shop.shed + len(shop.waits) + shop.gate.waiting == len(shop.tasks)
    assert shop.gate.waiting <= 400


async def queue(line: WaitingQueue, number: int) -> list[asyncio.Task[bool]]:
    tasks = [asyncio.create_task(line.wait(1)) for _ in range(number)]
    await settle()
    return tasks


@pytest.mark.parametrize("come, overloaded", [(60, True), (57, True), (0, False)])
async def test_a_queue_that_stays_at_its_length_is_an_overload(come, overloaded):
    """As many as there are connections stand in it, a few more or less: it cannot grow, and yet it leads nowhere."""
    clock = HandClock()
    line = WaitingQueue(clock, 3.0, lambda: None)
    tasks, found = await queue(line, 500), False
    for _ in range(5):
        for _ in range(60):
            line.call()
        tasks += await queue(line, come)
        clock.seconds += 0.5
        line.look(clock.monotonic())
        found = found or line.overloaded

    assert found is overloaded
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_queue_that_gets_shorter_by_cancelled_waiters_still_stalls():
    clock = HandClock()
    line, overloaded = WaitingQueue(clock, 0.05, lambda: None), False
    for come in (300, 200, 130):
        waiting = await queue(line, come)
        for _ in range(20):
            line.call()
        clock.seconds += 0.5
        line.look(clock.monotonic())
        overloaded = overloaded or line.overloaded
        await asyncio.gather(*waiting)

    assert overloaded


async def test_an_overload_that_is_over_is_forgotten():
    shop = await overloaded(5.0)
    for _ in range(300):
        await shop.serve()
    shed = shop.shed

    await shop.come(100)
    for _ in range(100):
        await shop.serve()

    assert (shop.shed, shop.gate.in_flight) == (shed, 0)


async def test_a_request_that_waits_for_a_vendor_holds_no_slot():
    gate = gate_of()
    hanging = [await gate.enter() for _ in range(2)]
    first, second = map(Lifetime, hanging)
    with first.waiting_for_vendor(), first.waiting_for_vendor(), second.waiting_for_vendor():
        other = await gate.enter()
        assert (gate.running, gate.in_flight) == (1, 3)
        gate.leave(other)
    assert gate.running == 2


async def test_a_client_that_sends_slowly_holds_no_slot(monkeypatch):
    monkeypatch.setattr("api.admission.limiter._READING_SECONDS", 0.0)
    gate = gate_of(OverloadSection(max_running=1, min_running=1, mutation_reserve=1, max_wait_seconds=0.0))
    slow, on_trial = await gate.enter(), await gate.enter(says_mutation=True)
    assert on_trial.on_trial
    with slow.reading(), on_trial.reading():
        await asyncio.sleep(0.01)
        assert (gate.running, gate.trials, gate.in_flight) == (0, 0, 2)
        gate.leave(await gate.enter())
    assert (gate.running, gate.trials) == (1, 1)
    for admitted in (slow, on_trial):
        gate.leave(admitted)
    assert (gate.running, gate.trials, gate.in_flight) == (0, 0, 0)


async def test_a_request_with_a_complete_body_keeps_its_slot():
    gate = gate_of()
    admitted = await gate.enter()
    with admitted.reading():
        await asyncio.sleep(0)
        assert gate.running == 1
    gate.leave(admitted)
    assert gate.running == 0


async def test_a_client_that_reads_slowly_holds_no_slot():
    gate = gate_of()
    reads = asyncio.Event()

    async def app(_scope, _receive, send):
        assert gate.running == 1
        await send({})

    async def slow_client(_message):
        await reads.wait()

    answering = asyncio.create_task(LoadShedding(app, gate, HttpSection())(REQUEST, slow_client, slow_client))
    await settle()

    assert (gate.running, gate.in_flight) == (0, 1)
    reads.set()
    await answering
    assert (gate.running, gate.in_flight) == (0, 0)


async def test_closing_the_upstreams_ends_every_connection():
    gate = gate_of()
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(Lifetime(await gate.enter()).waiting_for_vendor())

        with pytest.raises(RequestShed):
            await gate.enter()


async def test_on_trial_are_no_more_than_the_reserve():
    gate = gate_of(OverloadSection(max_running=1, min_running=1, mutation_reserve=2, max_wait_seconds=0.0))

    entered = [await gate.enter(says_mutation=True) for _ in range(3)]
    for says_mutation in (True, False):
        with pytest.raises(RequestShed):
            await gate.enter(says_mutation=says_mutation)

    assert [admitted.on_trial for admitted in entered] == [False, True, True]
    gate.leave(entered[1])
    with pytest.raises(RequestShed):
        await gate.enter()
    assert (await gate.enter(says_mutation=True)).on_trial


async def filled(gate: ConcurrencyLimiter) -> list[Admission]:
    inside = []
    try:
        while True:
            inside.append(await gate.enter())
    except RequestShed:
        return inside


@pytest.mark.parametrize("busy, limit", [(1.0, 1), (0.8, 16), (0.1, 64)])
async def test_the_concurrency_limit_follows_the_load(busy, limit):
    gate = gate_of(OverloadSection(min_running=1, mutation_reserve=0, max_wait_seconds=0.0), busy)
    for _ in range(50):
        inside = await filled(gate)
        gate._clock.seconds += 0.06  # noqa: SLF001 - its hands are the test's.
        for admitted in inside:
            gate.leave(admitted)

    assert gate.limit == limit


@given(
    steps=some.lists(
        some.tuples(some.integers(0, 3), some.sampled_from(["", "vendor", "reading"]), some.booleans()), max_size=40
    ),
    reserve=some.integers(0, 2),
)
def test_no_slot_is_lost_when_waiters_are_cancelled(steps, reserve):
    section = OverloadSection(
        max_in_flight=8, max_running=3, min_running=1, mutation_reserve=reserve, max_wait_seconds=0.001
    )

    async def visit(gate, turns, how):
        try:
            admitted = await gate.enter(says_mutation=turns > 1, caller=turns)
        except RequestShed:
            return
        try:
            assert gate.in_flight <= 8
            for _ in range(turns):
                await asyncio.sleep(0)
            bodies = {"vendor": Lifetime(admitted).waiting_for_vendor, "reading": admitted.reading}
            if how:
                with bodies[how]():
                    await asyncio.sleep(0.0001)
        finally:
            gate.leave(admitted)

    async def run():
        # Some are slower than that, some are not.
        patch.setattr("api.admission.limiter._READING_SECONDS", 0.00005)
        gate, tasks = gate_of(section), []
        for turns, how, gives_up in steps:
            tasks.append(asyncio.create_task(visit(gate, turns, how)))
            await asyncio.sleep(0)
            if gives_up:
                tasks[len(tasks) // 2].cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert result is None or isinstance(result, asyncio.CancelledError)
        assert (gate.in_flight, gate.running, gate.trials, gate.waiting) == (0, 0, 0, 0)

    with pytest.MonkeyPatch.context() as patch:
        asyncio.run(run())
