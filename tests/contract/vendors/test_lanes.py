"""Callers take turns at a vendor, and orders have places and permits that reads cannot take."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from support.doubts import AMOUNT
from support.vendor_calls import SHORT, HandClock, a_call, answer, settings

from core.call import Call, Tally
from core.clock import Clock, Deadline
from core.commands import DepositCommand
from core.errors import Reason, System, Unavailable
from core.secret import Secret
from upstreams.flow.bulkhead import Bulkhead, BulkheadFull, Lane
from upstreams.flow.rate_limit import RateLimit
from upstreams.http.link import Link
from upstreams.http.request import HttpRequest
from upstreams.open import open_upstreams
from upstreams.vendors.kit.token_store import memory_tokens

pytestmark = pytest.mark.anyio

PATIENT = msgspec.structs.replace(SHORT, max_in_flight=4, max_waiting=600, read_timeout_seconds=30.0)
PATIENT = msgspec.structs.replace(PATIENT, total_timeout_seconds=60.0)
SLOW = {"fault": "slow_then_ok", "seconds": 0.02}


def call_of(caller: str, *, seconds: float = 60.0, for_command: bool = False) -> Call:
    return Call(Deadline.after(seconds, Clock()), Tally(), "test", caller, for_command)


@asynccontextmanager
async def crowd(read, number: int):
    """So many reads of one greedy caller, all of them at the vendor or in its line; how many are done."""
    done: list[object] = []

    async def one() -> None:
        done.append(await read())

    tasks = [asyncio.create_task(one()) for _ in range(number)]
    await asyncio.sleep(0.1)
    yield done
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.usefixtures("well_behaved")
async def test_a_greedy_callers_queue_does_not_delay_another_caller(box, database):
    row = await database.fetchrow("SELECT client_number, api_password FROM brokergraph_erp.api_password LIMIT 1")
    number, password = row["client_number"], Secret(row["api_password"])
    box.tell("hyper", "/misbehave", SLOW)
    async with open_upstreams(settings(box, PATIENT), Clock(), memory_tokens) as house:
        hyper = house.erp_api
        async with crowd(lambda: hyper.client_balance(number, password, call_of("greedy")), 500) as done:
            before = len(done)
            await asyncio.gather(*(hyper.client_balance(number, password, call_of(name)) for name in ("ann", "bob")))

            # What is under way, a turn each, and what ends in the same moment: nothing that grows with the line.
            assert len(done) - before <= 2 * PATIENT.max_in_flight + 2


@pytest.mark.usefixtures("well_behaved")
async def test_a_deposit_goes_through_while_reads_fill_everything(box, database):
    query = "SELECT login, currency FROM platform.account WHERE server = 'R1' AND enabled AND NOT read_only LIMIT 1"
    login, currency = map(str, await database.fetchrow(query))
    order = DepositCommand("R1", login, AMOUNT, currency, "BGLANES000001", "key-BGLANES000001")
    box.tell("cplugin", "/misbehave", {"fault": "hang", "path": "UserRecordsRequest"})
    async with open_upstreams(settings(box, PATIENT), Clock(), memory_tokens) as house:
        server = house.servers["R1"]
        async with crowd(lambda: server.live.fetch([login], frozenset(), call_of("greedy")), 500) as done:
            prepared = await server.deposits.prepare(order, call_of("greedy", for_command=True))
            receipt = await prepared.send()

            assert receipt.upstream_reference
            assert done == []


async def test_reads_cannot_use_the_calls_a_minute_that_commands_reserve(stranger):
    stranger.answers = [answer(200)]
    link = Link(System("HYPER"), "hyper", stranger.url, SHORT, Clock(), requests_per_minute=20)
    read, write = HttpRequest("GET", "/thing"), HttpRequest("POST", "/thing", content=b"{}", writes=True)

    for _ in range(16):
        await link.read(read, lambda reply: reply.status, a_call())
    with pytest.raises(Unavailable) as refused:
        await link.read(read, lambda reply: reply.status, a_call())
    for _ in range(4):
        await link.write(write, lambda reply: reply.status, a_call())

    assert refused.value.reason is Reason.RATE_LIMITED
    assert len(stranger.asked) == 20
    with pytest.raises(Unavailable):
        await link.write(write, lambda reply: reply.status, a_call())
    await link.aclose()


@given(
    per_minute=some.integers(1, 30),
    calls=some.lists(some.tuples(some.floats(0, 40), some.booleans()), max_size=80),
)
def test_reads_and_commands_together_never_exceed_the_vendors_rate(per_minute, calls):
    async def run():
        clock = HandClock()
        limit = RateLimit(clock, per_minute, reserved_share=0.2)
        taken = []
        for pause, order in calls:
            clock.seconds += pause
            await limit.take(Deadline.after(10_000, clock), for_command=order)
            taken.append(clock.seconds)
        return taken

    taken = asyncio.run(run())

    assert all(later - earlier >= 60 - 1e-6 for earlier, later in zip(taken, taken[per_minute:], strict=False))


async def entered(bulkhead: Bulkhead, lane: Lane, order: list[str], seconds: float = 30.0) -> None:
    async with bulkhead.slot(Deadline.after(seconds, Clock()), lane):
        order.append(lane.caller)
        await asyncio.sleep(0)


async def test_callers_take_turns():
    bulkhead, order = Bulkhead(max_in_flight=1, max_waiting=100), []
    names = ["a"] * 5 + ["b"] * 2 + ["c"]

    await asyncio.gather(*(entered(bulkhead, Lane(name), order) for name in names))

    assert order == ["a", "a", "b", "c", "a", "b", "a", "a"]
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


async def test_how_many_go_first():
    bulkhead, order = Bulkhead(max_in_flight=1, max_waiting=100), []
    names = ["a"] * 6 + ["b"] * 2
    tasks = [asyncio.create_task(entered(bulkhead, Lane(name), order)) for name in names]
    await asyncio.sleep(0)

    assert [bulkhead.ahead(Lane(name)) for name in ("a", "b", "c")] == [7, 5, 2]
    assert bulkhead.ahead(Lane("c", for_command=True)) == 0
    await asyncio.gather(*tasks)


async def test_a_full_queue_refuses_the_newest_call_of_the_caller_with_the_most_calls():
    bulkhead, order = Bulkhead(max_in_flight=1, max_waiting=3), []
    tasks = [asyncio.create_task(entered(bulkhead, Lane(name), order)) for name in ["a"] * 4 + ["b", "a", "b"]]

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [type(None)] * 3 + [
        BulkheadFull,
        type(None),
        BulkheadFull,
        BulkheadFull,
    ]
    assert order == ["a", "a", "b", "a"]


async def test_a_full_queue_refuses_a_cancelled_waiter_without_harm():
    """Its task has not run since, so that it is still in the queue when another caller arrives."""
    bulkhead, order = Bulkhead(max_in_flight=1, max_waiting=3), []
    async with bulkhead.slot(Deadline.after(30, Clock())):
        tasks = [asyncio.create_task(entered(bulkhead, Lane("a"), order)) for _ in range(3)]
        await asyncio.sleep(0)
        stranger = asyncio.create_task(entered(bulkhead, Lane("b"), order))
        tasks[-1].cancel()
        await asyncio.sleep(0)

    results = await asyncio.gather(*tasks, stranger, return_exceptions=True)

    assert [type(result) for result in results] == [type(None)] * 2 + [asyncio.CancelledError, type(None)]
    assert order == ["a", "b", "a"]
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


async def test_a_cancelled_waiter_delays_no_other_waiter():
    bulkhead, order, hold = Bulkhead(max_in_flight=1, max_waiting=2), [], asyncio.Event()

    async def stay():
        async with bulkhead.slot(Deadline.after(30, Clock())):
            await hold.wait()

    holding = asyncio.create_task(stay())
    await asyncio.sleep(0)
    impatient = [entered(bulkhead, Lane("a"), order, seconds=0.01) for _ in range(2)]
    results = await asyncio.gather(*impatient, return_exceptions=True)
    patient = asyncio.create_task(entered(bulkhead, Lane("a"), order))
    await asyncio.sleep(0)
    assert bulkhead.waiting == 1
    hold.set()
    await asyncio.gather(holding, patient)

    assert ([type(one) for one in results], order) == ([BulkheadFull, BulkheadFull], ["a"])


@given(
    steps=some.lists(
        some.tuples(some.sampled_from("abc"), some.booleans(), some.integers(0, 3), some.booleans()), max_size=40
    ),
    places=some.integers(1, 5),
)
def test_no_slot_is_lost_when_waiters_are_cancelled(steps, places):
    async def run():
        reserved = 1 if places > 1 else 0
        bulkhead = Bulkhead(max_in_flight=places, max_waiting=6, reserved=reserved)
        most: dict[bool, int] = {False: 0, True: 0}
        inside = {False: 0, True: 0}

        async def visit(lane, turns):
            async with bulkhead.slot(Deadline.after(30, Clock()), lane):
                inside[lane.for_command] += 1
                most[lane.for_command] = max(most[lane.for_command], inside[lane.for_command])
                assert sum(inside.values()) <= places
                try:
                    for _ in range(turns):
                        await asyncio.sleep(0)
                finally:
                    inside[lane.for_command] -= 1

        tasks = []
        for caller, is_command, turns, gives_up in steps:
            server = "R1" if turns % 2 else "R2"
            tasks.append(asyncio.create_task(visit(Lane(caller, is_command, server), turns)))
            await asyncio.sleep(0)
            if gives_up:
                tasks[len(tasks) // 2].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [
            one for one in results if one is not None and not isinstance(one, BulkheadFull | asyncio.CancelledError)
        ]
        assert most[False] <= places - reserved
        assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)

    asyncio.run(run())


async def test_reads_leave_a_slot_to_commands_and_commands_leave_one_to_reads():
    bulkhead, hold = Bulkhead(max_in_flight=4, max_waiting=100, reserved=1), asyncio.Event()

    async def stay(lane):
        async with bulkhead.slot(Deadline.after(30, Clock()), lane):
            await hold.wait()

    reads = [asyncio.create_task(stay(Lane("a"))) for _ in range(10)]
    await asyncio.sleep(0)
    assert (bulkhead.in_flight, bulkhead.waiting) == (3, 7)
    order = asyncio.create_task(stay(Lane("a", for_command=True)))
    await asyncio.sleep(0)
    assert (bulkhead.in_flight, bulkhead.waiting) == (4, 7)
    hold.set()
    await asyncio.gather(order, *reads)

    hold.clear()
    orders = [asyncio.create_task(stay(Lane("a", for_command=True))) for _ in range(10)]
    await asyncio.sleep(0)
    assert (bulkhead.in_flight, bulkhead.waiting) == (3, 7)
    read = asyncio.create_task(stay(Lane("b")))
    await asyncio.sleep(0)
    assert (bulkhead.in_flight, bulkhead.waiting) == (4, 7)
    hold.set()
    await asyncio.gather(read, *orders)


async def test_m12_commands_to_a_silent_server_leave_a_slot_to_the_other_servers():
    bulkhead, hold, order = Bulkhead(max_in_flight=5, max_waiting=100, reserved=1), asyncio.Event(), []

    async def stay():
        async with bulkhead.slot(Deadline.after(30, Clock()), Lane("partner", for_command=True, server="R1")):
            await hold.wait()

    silent = [asyncio.create_task(stay()) for _ in range(20)]
    await asyncio.sleep(0)
    assert (bulkhead.in_flight, bulkhead.waiting) == (3, 17)

    async with asyncio.timeout(5):
        for server in ("R2", "R3"):
            await entered(bulkhead, Lane(server, for_command=True, server=server), order)

    assert order == ["R2", "R3"]
    hold.set()
    await asyncio.gather(*silent)
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


async def test_commands_are_served_by_server_in_turn():
    bulkhead, order = Bulkhead(max_in_flight=1, max_waiting=100), []
    lanes = [Lane(f"{server}{number}", for_command=True, server=server) for server in "ab" for number in range(3)]

    assert bulkhead.ahead(lanes[0]) == 0
    tasks = [asyncio.create_task(entered(bulkhead, lane, order)) for lane in lanes]
    await asyncio.sleep(0)
    assert bulkhead.ahead(Lane("new", for_command=True, server="c")) == 2
    await asyncio.gather(*tasks)

    assert order == ["a0", "a1", "b0", "a2", "b1", "b2"]
