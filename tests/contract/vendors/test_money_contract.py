"""One suite for every adapter that moves money: what became of the money is said truly, and never guessed."""

import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from support.adapters import MONEY, MoneyAdapter
from support.doubts import LeapingClock, an_order, opened
from support.vendor_calls import a_call

from core.commands import MoneyCommand
from core.errors import OutcomeUnknown, Reason, Rejected, Unavailable, UpstreamError
from upstreams.vendors.cplugin.commands import writes as writing

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]


@pytest.fixture(params=MONEY.values(), ids=MONEY.keys())
def adapter(request) -> MoneyAdapter:
    return request.param


@pytest.fixture
async def server(well_behaved, adapter, monkeypatch):
    monkeypatch.setattr(writing, "GRACE_SECONDS", 0.2)
    async with opened(well_behaved, LeapingClock()) as house:
        yield house.servers[adapter.server]


@pytest.fixture
async def order(database, adapter) -> MoneyCommand:
    return await an_order(database, adapter.server, adapter.command)


@pytest.fixture
def booked(database, adapter):
    """The tickets that the trading server really holds for an order."""

    async def find(order: MoneyCommand) -> list[tuple[str, Decimal]]:
        query = "SELECT ticket, amount FROM platform.deal WHERE server = $1 AND comment = $2"
        rows = await database.fetch(query, adapter.server, order.reference)
        return [(str(row["ticket"]), row["amount"]) for row in rows]

    return find


async def test_it_is_booked_once_and_the_ticket_is_the_servers(server, adapter, order, booked):
    prepared = await adapter.prepare(server, order, a_call())
    assert await booked(order) == []

    receipt = await prepared.send()

    [(ticket, amount)] = await booked(order)
    assert amount == order.change
    assert receipt.upstream_reference == (ticket if adapter.ticket else None)


@pytest.mark.parametrize(
    "fault,applied",
    [
        ({"fault": "drop_before"}, 0),
        ({"fault": "drop_after"}, 1),
        ({"fault": "hang"}, 0),
        ({"fault": "status", "status": 500}, 0),
        ({"fault": "status", "status": 500, "apply": True}, 1),
        ({"fault": "status", "status": 502, "apply": True}, 1),
        ({"fault": "status", "status": 302}, 0),
        ({"fault": "nonsense", "kind": "html"}, None),
        ({"fault": "nonsense", "kind": "empty"}, None),
        ({"fault": "json", "json": {"repeat": True}, "status": 200}, None),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else str(value),
)
async def test_what_may_have_been_booked_is_booked_once_at_most(server, adapter, order, booked, box, fault, applied):
    prepared = await adapter.prepare(server, order, a_call(4))
    box.tell(adapter.vendor, "/misbehave", fault | {"path": adapter.path})

    with pytest.raises(OutcomeUnknown):
        await prepared.send()

    calls = [call for call in box.calls(adapter.vendor)["calls"] if adapter.path in call["path"]]
    # Only where the vendor knows the order by its key is it sent again.
    assert len(calls) == 1 or (adapter.keyed and len({call["body"] for call in calls}) == 1)
    if applied is not None:
        assert len(await booked(order)) == applied


async def test_a_refused_connection_proves_that_nothing_left(server, adapter, order, booked, box):
    prepared = await adapter.prepare(server, order, a_call())
    box.tell(adapter.vendor, "/misbehave", {"fault": "refuse"})

    with pytest.raises(Unavailable):
        await prepared.send()

    assert await booked(order) == []


async def test_429_was_not_taken(server, adapter, order, booked, box):
    prepared = await adapter.prepare(server, order, a_call())
    box.tell(adapter.vendor, "/misbehave", {"fault": "status", "status": 429, "retry_after": 4, "path": adapter.path})

    with pytest.raises(Unavailable) as failed:
        await prepared.send()

    assert failed.value.retry_after_seconds == 4.0
    assert await booked(order) == []


@pytest.mark.applies_to(lambda adapter, **_: adapter.vendor == "cplugin")  # The CRM has a key, no token.
async def test_an_expired_token_costs_a_second_try_and_books_once(server, adapter, order, booked, box):
    prepared = await adapter.prepare(server, order, a_call())
    box.tell("cplugin", "/misbehave", {"fault": "expire_token"})

    await prepared.send()

    assert len(await booked(order)) == 1


async def test_an_unknown_login_is_refused(server, adapter, order, booked):
    stranger = replace(order, login="987654")

    with pytest.raises(Rejected) as refused:
        await (await adapter.prepare(server, stranger, a_call())).send()

    assert refused.value.reason is Reason.NOT_FOUND
    assert await booked(stranger) == []


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "1234567890123456789.5", "0.000000001"])
# A double holds the last one exactly enough; the ledger refuses it by the currency's quantum.
@pytest.mark.applies_to(lambda adapter, amount, **_: (adapter.vendor, amount) != ("cplugin", "0.000000001"))
async def test_an_amount_that_would_become_another_is_refused_unsent(server, adapter, order, box, amount):
    odd = replace(order, amount=Decimal(amount))

    with pytest.raises(Rejected) as refused:
        await adapter.prepare(server, odd, a_call())

    assert refused.value.reason in {Reason.VALIDATION_FAILED, Reason.LIMIT_EXCEEDED}
    assert box.calls(adapter.vendor)["total"] == 0


async def test_a_reference_that_would_be_cut_is_our_defect(server, adapter, order):
    long = replace(order, reference="X" * 32)

    with pytest.raises(ValueError, match="31 printable"):
        await adapter.prepare(server, long, a_call())


async def test_a_server_without_deposits_has_no_port_for_them(house):
    for port in ("deposits", "withdrawals"):
        assert [getattr(house.servers[name], port) for name in ("R2", "L1", "L2")] == [None] * 3


@pytest.mark.applies_to(lambda adapter, **_: adapter.port == "withdrawals")
async def test_more_than_the_account_has_is_refused(server, adapter, order, booked):
    much = replace(order, amount=Decimal(99_999_999))

    with pytest.raises(Rejected) as refused:
        await (await adapter.prepare(server, much, a_call())).send()

    assert refused.value.reason is Reason.INSUFFICIENT_FUNDS
    assert await booked(much) == []


@pytest.mark.parametrize("amount", ["0.00000001", "1E-8", "0.00000100"])
async def test_m7_an_amount_is_sent_with_plain_digits(server, adapter, order, box, amount):
    tiny = replace(order, amount=Decimal(amount), currency="BTC")

    refused = None
    try:
        await (await adapter.prepare(server, tiny, a_call())).send()
    except UpstreamError as error:
        refused = error

    sent = [call for call in box.calls(adapter.vendor)["calls"] if adapter.path in call["path"]]
    bodies = {call["body"] or json.dumps(dict(call["query"])) for call in sent}
    # A platform may refuse so small an amount before anything is sent.
    assert len(bodies) == 1 or refused.reason is Reason.LIMIT_EXCEEDED
    for body in bodies:
        [written] = re.findall('"(?:price|amount|balance)": ?"?([^",}]*)', body)
        assert re.fullmatch("-?[0-9.]+", written)
        assert abs(Decimal(written)) == Decimal(amount)
