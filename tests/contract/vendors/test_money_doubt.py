"""Every vendor times every way to lose an answer: what the send says, what the search says, and the vendor's books."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from support.adapters import MONEY, MoneyAdapter
from support.doubts import LeapingClock, an_order, books, opened, sends
from support.vendor_calls import a_call, changed

from core.commands import MoneyCommand
from core.errors import Misunderstood, OutcomeUnknown, Unavailable
from upstreams.vendors.cplugin.commands import writes as writing

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

# Each strikes once; the number is how many operations the first attempt leaves in the books.
FAULTS = {
    "applied, then cut": ({"fault": "drop_after"}, 1),
    "cut, not applied": ({"fault": "drop_before"}, 0),
    "applied, then 500": ({"fault": "status", "status": 500, "apply": True}, 1),
    "500, not applied": ({"fault": "status", "status": 500}, 0),
    "applied, answered late": ({"fault": "slow_then_ok", "seconds": 4}, 1),
    "applied, a proxy's page": ({"fault": "nonsense", "kind": "html", "apply": True}, 1),
    "nothing, empty answer": ({"fault": "nonsense", "kind": "empty"}, 0),
    "applied, half an answer": ({"fault": "half", "truncate": True}, 1),
}


@pytest.fixture(params=MONEY.values(), ids=MONEY.keys())
def adapter(request) -> MoneyAdapter:
    return request.param


@pytest.fixture
def clock() -> LeapingClock:
    return LeapingClock()


@pytest.fixture
async def server(well_behaved, adapter, clock, monkeypatch):
    monkeypatch.setattr(writing, "GRACE_SECONDS", 0.2)
    async with opened(well_behaved, clock) as house:
        yield house.servers[adapter.server]


@pytest.fixture
async def order(database, adapter) -> MoneyCommand:
    return await an_order(database, adapter.server, adapter.command)


@pytest.fixture
def sent(server, adapter):
    async def send(order):
        return await (await adapter.prepare(server, order, a_call(60))).send()

    return send


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize("fault,applied", FAULTS.values(), ids=FAULTS.keys())
# 204 has no body that could be halved.
@pytest.mark.applies_to(lambda adapter, fault, **_: not (adapter.vendor == "broctagon" and "half" in fault["fault"]))
async def test_a_lost_answer_is_reported_truthfully_and_never_booked_twice(
    server, adapter, order, database, box, fault, applied, sent
):
    box.tell(adapter.vendor, "/misbehave", fault | {"path": adapter.path, "times": 1})

    if adapter.keyed:
        receipt = await sent(order)
    else:
        with pytest.raises(OutcomeUnknown):
            await sent(order)

    found = await server.money_history.find(order, now(), a_call())
    entries = await books(database, adapter.server, order)
    assert [amount for _, amount in entries] == [order.change] * (1 if adapter.keyed else applied)
    assert len(sends(box, adapter)) == (2 if adapter.keyed else 1)
    assert ([] if found is None else [found.upstream_reference]) == [ticket for ticket, _ in entries]
    if adapter.keyed:
        assert receipt == found


@pytest.mark.applies_to(lambda adapter, **_: adapter.keyed)  # Without a key nothing is repeated.
async def test_every_repeat_has_the_same_bytes(server, adapter, order, database, box, clock, sent):
    box.tell(adapter.vendor, "/misbehave", {"fault": "drop_before", "path": adapter.path, "times": 3})

    await sent(order)

    attempts = sends(box, adapter)
    assert len(attempts) == 4
    assert len({call["body"] for call in attempts}) == 1
    assert {call["headers"]["idempotency-key"] for call in attempts} == {order.idempotency_key}
    assert len(await books(database, adapter.server, order)) == 1


@pytest.mark.applies_to(lambda adapter, **_: adapter.vendor == "cplugin")  # The CRM has a key, no token.
async def test_a_token_that_expires_midway_costs_nothing(server, adapter, order, database, box, clock):
    prepared = await adapter.prepare(server, order, a_call(60))
    expire = {"fault": "expire_token"}
    if adapter.keyed:
        box.tell("cplugin", "/misbehave", {"fault": "drop_after", "path": adapter.path, "times": 1})
        clock.meanwhile = lambda: box.tell("cplugin", "/misbehave", expire)
    else:
        box.tell("cplugin", "/misbehave", expire)

    receipt = await prepared.send()

    assert await books(database, adapter.server, order) == [(receipt.upstream_reference, order.change)]


async def test_a_history_that_repeats_rows_has_the_command_once(server, adapter, order, database, box, sent):
    await sent(order)
    box.tell(adapter.vendor, "/misbehave", {"fault": "twice", "path": adapter.history})

    found = await server.money_history.find(order, now(), a_call())

    [(ticket, _)] = await books(database, adapter.server, order)
    assert found.upstream_reference == ticket


async def test_what_was_never_booked_is_not_found_among_equal_amounts(server, adapter, order, database, sent):
    """The same amount on the same account a moment ago is another order."""
    lost = await an_order(database, adapter.server, adapter.command)
    await sent(order)

    assert (lost.login, lost.amount) == (order.login, order.amount)
    assert await server.money_history.find(lost, now(), a_call()) is None


@pytest.mark.parametrize(
    "fault,error",
    [
        ({"fault": "status", "status": 500}, Unavailable),
        ({"fault": "status", "status": 403}, Unavailable),
        ({"fault": "drop_after"}, Unavailable),
        ({"fault": "hang"}, Unavailable),
        ({"fault": "nonsense", "kind": "html"}, Misunderstood),
        ({"fault": "nonsense", "kind": "empty"}, Misunderstood),
        ({"fault": "json", "json": {"data": None, "error": None}}, Misunderstood),
        ({"fault": "json", "json": {"records": None}}, Misunderstood),
    ],
    ids=str,
)
async def test_a_history_that_cannot_be_read_is_no_absence(server, adapter, order, box, fault, error, sent):
    await sent(order)
    box.tell(adapter.vendor, "/misbehave", fault | {"path": adapter.history})

    with pytest.raises(error):
        await server.money_history.find(order, now(), a_call())


async def test_our_reference_on_something_else_is_for_a_person(server, adapter, order, database, sent):
    await sent(order)
    await database.execute(
        "UPDATE platform.deal SET amount = amount + 1 WHERE server = $1 AND comment = $2",
        adapter.server,
        order.reference,
    )

    with pytest.raises(Misunderstood):
        await server.money_history.find(order, now(), a_call())


async def test_our_reference_twice_is_for_a_person(server, adapter, order, database, sent):
    await sent(order)
    await database.execute(
        """INSERT INTO platform.deal SELECT server, ticket + 1000000, login, command, amount, comment, at
           FROM platform.deal WHERE server = $1 AND comment = $2""",
        adapter.server,
        order.reference,
    )

    with pytest.raises(Misunderstood):
        await server.money_history.find(order, now(), a_call())


async def test_our_reference_within_a_longer_comment_is_for_a_person(server, adapter, order, database, sent):
    await sent(order)
    await database.execute(
        "UPDATE platform.deal SET comment = comment || ' x' WHERE server = $1 AND comment = $2",
        adapter.server,
        order.reference,
    )

    with pytest.raises(Misunderstood):
        await server.money_history.find(order, now(), a_call())


@pytest.mark.parametrize("moment", ["2026-03-29T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"])
async def test_the_hour_that_comes_twice_or_never_loses_no_deal(server, adapter, order, database, moment, sent):
    at = datetime.fromisoformat(moment)
    await sent(order)
    await database.execute(
        "UPDATE platform.deal SET at = $3 WHERE server = $1 AND comment = $2", adapter.server, order.reference, at
    )

    found = await server.money_history.find(order, at, a_call())

    [(ticket, _)] = await books(database, adapter.server, order)
    assert found.upstream_reference == ticket


async def test_without_a_history_nothing_is_searched(well_behaved, clock):
    def blind(config):
        return changed(changed(config, "broctagon", history=False), "cplugin", "legacy", read_through_v2=False)

    async with opened(well_behaved, clock, blind) as house:
        for name in ("R3", "A1", "R2", "L1"):
            assert house.servers[name].money_history is None


async def test_absence_counts_only_after_everything_that_can_still_happen(server, adapter):
    """The send's 60 s, its last exchange, the vendor's 320 s, 120 s in between and a minute more."""
    expected = 60 + Decimal(adapter.exchange_seconds) + 320 + 120 + 60
    assert Decimal(str(server.money_history.absence_counts_after)) == expected


@pytest.mark.applies_to(lambda adapter, **_: adapter.vendor == "broctagon")
async def test_broctagons_repeat_is_no_success_by_itself(server, adapter, order, database, sent):
    await sent(order)

    with pytest.raises(OutcomeUnknown) as doubt:
        await sent(order)

    assert doubt.value.upstream_code == "repeat"
    assert len(await books(database, "A1", order)) == 1
