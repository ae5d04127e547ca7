"""How long CPlugin's key protects a repeat, and that none is sent a moment longer."""

import asyncio

import pytest
from support.adapters import DEPOSITS
from support.doubts import AMOUNT, LeapingClock, an_order, books, opened, sends
from support.vendor_calls import a_call

from core.clock import Deadline
from core.errors import Doubt, OutcomeUnknown, Rejected, Unavailable
from instructions import dispatcher as dispatch
from upstreams.http.limits import Limits
from upstreams.vendors.cplugin.commands import writes as writing
from upstreams.vendors.cplugin.commands.idempotent_write import RepeatWindow
from upstreams.vendors.kit import history_search as searching

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

V2 = DEPOSITS["cplugin v2"]
START = 1000.0


class StillClock(LeapingClock):
    def monotonic(self) -> float:
        return START + self.ahead


@pytest.fixture
def clock() -> LeapingClock:
    return LeapingClock()


@pytest.fixture
async def server(well_behaved, clock, monkeypatch):
    monkeypatch.setattr(writing, "GRACE_SECONDS", 0.2)
    # Tokens outlive the clock's leaps: it is the key's life that is looked at.
    well_behaved.tell("cplugin_auth", "/settings", {"expires_in": 100_000})
    async with opened(well_behaved, clock) as house:
        yield house.servers["R1"]


@pytest.fixture
async def order(database):
    return await an_order(database, "R1")


@pytest.fixture
def misbehave(box):
    def order(fault: str, times: int | None = 1, **fields) -> None:
        box.tell("cplugin", "/misbehave", {"fault": fault, "path": "TradeTransaction", "times": times} | fields)

    return order


async def sent(server, order, seconds: float = 60.0):
    return await (await server.deposits.prepare(order, a_call(seconds))).send()


async def test_past_the_window_nothing_is_sent_for_the_vendor_forgets_the_key(
    server, order, database, box, clock, misbehave
):
    misbehave("drop_after")

    def a_minute_passes() -> None:
        """The process was stopped while it waited: the vendor's minute is over when it wakes up."""
        clock.ahead += 61
        box.tell("cplugin", "/clock", {"advance_seconds": 61})

    clock.meanwhile = a_minute_passes

    with pytest.raises(OutcomeUnknown):
        await sent(server, order, 600)

    assert len(sends(box, V2)) == 1
    assert len(await books(database, "R1", order)) == 1


async def test_a_repeat_after_the_minute_would_be_a_second_deposit(server, order, database, box, clock, misbehave):
    """Why the window exists: the same send, begun anew a minute later, is booked again."""
    prepared = await server.deposits.prepare(order, a_call(60))
    await prepared.send()
    box.tell("cplugin", "/clock", {"advance_seconds": 61})

    await prepared.send()

    assert len(await books(database, "R1", order)) == 2


async def test_lost_answers_are_repeated_no_longer_than_the_window(server, order, database, box, clock, misbehave):
    begun = clock.monotonic()
    misbehave("drop_after", None)

    with pytest.raises(OutcomeUnknown):
        await sent(server, order, 600)

    assert 10 < clock.monotonic() - begun <= 30
    assert len(await books(database, "R1", order)) == 1


@pytest.mark.parametrize("applied", [True, False])
async def test_an_unknown_outcome_is_asked_for_with_the_same_key(server, order, database, box, misbehave, applied):
    """Not applied means here that the outcome stays unknown: the vendor goes on answering so."""
    misbehave("business_error", code="OutcomeUnknown", apply=applied)

    if applied:
        receipt = await sent(server, order)
        assert await books(database, "R1", order) == [(receipt.upstream_reference, AMOUNT)]
    else:
        with pytest.raises(OutcomeUnknown):
            await sent(server, order)
        assert await books(database, "R1", order) == []
        assert len(sends(box, V2)) > 5


async def test_a_late_execution_is_waited_for(server, order, database, box, clock, misbehave):
    """OutcomeUnknown, then in-progress, then the real result."""
    misbehave("business_error", code="OutcomeUnknown", apply=True, seconds=600)

    def applied() -> None:
        if len(clock.slept) == 3:
            # Ends the wait of the late operation, which happens then.
            box.tell("cplugin", "/reset")

    clock.meanwhile = applied

    receipt = await sent(server, order)

    assert await books(database, "R1", order) == [(receipt.upstream_reference, AMOUNT)]


async def test_the_budget_ends_the_asking(server, order, box, clock, misbehave):
    begun = clock.monotonic()
    misbehave("business_error", code="OutcomeUnknown")

    with pytest.raises(OutcomeUnknown):
        await sent(server, order, 60)

    assert clock.monotonic() - begun <= 60


async def test_busy_is_unsent_only_while_nothing_is_in_doubt(server, order, database, box, misbehave):
    misbehave("business_error", code="Busy")

    with pytest.raises(Unavailable):
        await sent(server, order)

    assert len(sends(box, V2)) == 1
    assert await books(database, "R1", order) == []


async def test_busy_after_a_lost_answer_leaves_the_doubt(server, order, database, box, misbehave):
    misbehave("drop_after")
    misbehave("business_error", None, code="Busy")

    with pytest.raises(OutcomeUnknown):
        await sent(server, order)

    assert len(await books(database, "R1", order)) == 1


async def test_busy_between_is_waited_out(server, order, database, box, misbehave):
    misbehave("drop_after")
    misbehave("business_error", code="Busy")

    receipt = await sent(server, order)

    assert await books(database, "R1", order) == [(receipt.upstream_reference, AMOUNT)]
    assert len(sends(box, V2)) == 3


async def test_a_refused_connection_after_a_lost_answer_leaves_the_doubt(
    server, order, database, box, clock, misbehave
):
    misbehave("drop_after")
    clock.meanwhile = lambda: box.tell("cplugin", "/misbehave", {"fault": "refuse"})

    with pytest.raises(OutcomeUnknown):
        await sent(server, order)

    assert len(await books(database, "R1", order)) == 1


async def test_the_refusal_kept_for_the_key_counts(server, order, database, box, misbehave):
    await database.execute("UPDATE platform.account SET enabled = false WHERE login = $1", int(order.login))
    misbehave("drop_after")

    try:
        with pytest.raises(Rejected):
            await sent(server, order)
    finally:
        await database.execute("UPDATE platform.account SET enabled = true WHERE login = $1", int(order.login))

    assert len(sends(box, V2)) == 2
    assert await books(database, "R1", order) == []


async def test_a_refusal_at_the_door_is_no_answer_to_the_key(server, order, database, box, misbehave):
    misbehave("drop_after")
    misbehave("status", None, status=403)

    with pytest.raises(OutcomeUnknown):
        await sent(server, order)

    assert len(await books(database, "R1", order)) == 1


@pytest.mark.parametrize("code", ["Internal", "NoConnect", "Timeout", "TechProblem"])
async def test_an_answer_that_proves_nothing_is_not_asked_for_again(server, order, box, misbehave, code):
    misbehave("business_error", code=code)

    with pytest.raises(OutcomeUnknown):
        await sent(server, order)

    assert len(sends(box, V2)) == 1


async def test_twins_with_one_key_are_booked_once(server, order, database):
    prepared = [await server.deposits.prepare(order, a_call(60)) for _ in range(8)]

    receipts = await asyncio.gather(*(one.send() for one in prepared))

    [(ticket, _)] = await books(database, "R1", order)
    assert {receipt.upstream_reference for receipt in receipts} == {ticket}


async def test_v1_is_never_repeated(well_behaved, database, clock, misbehave):
    async with opened(well_behaved, clock) as house:
        order = await an_order(database, "R3")
        misbehave("drop_after")

        with pytest.raises(OutcomeUnknown):
            await sent(house.servers["R3"], order)

    assert clock.slept == []
    assert len(await books(database, "R3", order)) == 1


@pytest.mark.parametrize(
    "doubts,latest",
    [
        # Three phases of 2 s each lie between the start of a repeat and its arrival.
        ([(Doubt.LOST, 0)], 24),
        # A later loss does not extend the first one's minute.
        ([(Doubt.LOST, 0), (Doubt.LOST, 10)], 24),
        # At 10 s it was still running, so it was not answered before.
        ([(Doubt.LOST, 0), (Doubt.RUNNING, 10)], 34),
        ([(Doubt.LOST, 0), (Doubt.RUNNING, 10), (Doubt.LOST, 20)], 34),
        # Kept for an hour: the send's own budget ends it.
        ([(Doubt.KEPT, 0)], 54),
        ([(Doubt.LOST, 0), (Doubt.KEPT, 10), (Doubt.LOST, 20), (Doubt.RUNNING, 22)], 54),
        ([(Doubt.RUNNING, 50)], 54),
    ],
    ids=str,
)
def test_the_latest_start_follows_from_the_limits(doubts, latest):
    clock = StillClock()
    window = RepeatWindow(clock, Limits(connect_timeout_seconds=2.0), Deadline.after(60, clock))

    for doubt, at in doubts:
        window.note_doubt(doubt, START + at)

    assert window.latest == START + latest
    assert not window.closed_after(latest)
    assert window.closed_after(latest + 0.001)


def test_a_vendor_that_is_too_far_away_is_never_asked_twice():
    clock = StillClock()
    window = RepeatWindow(clock, Limits(connect_timeout_seconds=10.0), Deadline.after(60, clock))

    window.note_doubt(Doubt.LOST, START)

    assert window.closed_after(0.001)


async def test_the_exchange_outlasts_the_vendors_own_deadline(well_behaved, database):
    """X-Request-Timeout, and 30 s more for the answer [D, C-py]."""
    async with opened(well_behaved, LeapingClock()) as house:
        prepared = await house.servers["R1"].deposits.prepare(await an_order(database, "R1"), a_call(60))

    request = prepared.write.request
    assert request.headers["x-request-timeout"] == "1"
    assert request.total_seconds == 31


def test_the_sends_budget_is_the_dispatchers():
    assert searching.SEND_SECONDS == dispatch.SEND_SECONDS
