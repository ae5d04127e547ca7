import json
import string
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from support.doubts import LeapingClock, opened
from support.vendor_calls import a_call

from core.commands import DepositCommand, NewAccountCommand
from core.errors import OutcomeUnknown, Reason, Rejected, System, Unavailable
from upstreams.http.decoding import lenient_json as wire
from upstreams.vendors.cplugin import account_flags as flags
from upstreams.vendors.cplugin.commands.new_accounts import new_password

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

FIGURES = frozenset({"equity", "margin", "free_margin", "margin_level"})
numbers = count(1)


@pytest.fixture
async def house(well_behaved):
    async with opened(well_behaved, LeapingClock()) as upstreams:
        yield upstreams


def paths(box) -> dict[str, int]:
    return {path.rsplit("}/", 1)[-1]: number for path, number in box.calls("cplugin")["by_path"].items()}


@pytest.fixture
async def accounts(database):
    """An account with an open trade and one without, both with a credit."""
    query = """
        (SELECT * FROM platform.account WHERE server = 'R1' AND (margin <> 0 OR floating <> 0) ORDER BY login LIMIT 1)
        UNION ALL
        (SELECT * FROM platform.account WHERE server = 'R1' AND margin = 0 AND floating = 0 ORDER BY login LIMIT 1)
    """
    before = await database.fetch(query)
    credit = "UPDATE platform.account SET credit = $2 WHERE server = 'R1' AND login = $1 RETURNING *"
    yield [await database.fetchrow(credit, row["login"], Decimal(25)) for row in before]
    for row in before:
        await database.execute(credit, row["login"], row["credit"])


async def test_equity_is_the_servers_and_without_a_trade_the_balance_and_credit(house, accounts):
    trading, quiet = accounts

    logins = [str(row["login"]) for row in accounts]

    answer = await house.servers["R1"].live.fetch(logins, FIGURES, a_call())

    records = [answer[login] for login in logins]
    figures = [(record.equity, record.margin, record.free_margin) for record in records]
    equity = trading["balance"] + trading["credit"] + trading["floating"]
    still = quiet["balance"] + quiet["credit"]
    assert figures == [(equity, trading["margin"], equity - trading["margin"]), (still, 0, still)]
    assert answer[str(quiet["login"])].margin_level is None


async def test_margins_are_fetched_only_when_named_and_then_shared(house, accounts, box):
    server, logins = house.servers["R1"], [str(row["login"]) for row in accounts]

    call = a_call()
    await server.live.fetch(logins, frozenset({"balance", "credit", "group"}), call)
    without = call.tally.calls[System("CPLUGIN")]
    for _ in range(3):
        await server.live.fetch(logins, FIGURES, call)

    assert without == 1
    assert call.tally.calls[System("CPLUGIN")] == 1 + 3 + 1


async def test_margins_that_fail_are_told_and_not_left_out(house, accounts, box):
    box.tell("cplugin", "/misbehave", {"fault": "status", "status": 500, "path": "MarginsGet"})

    answer = await house.servers["R1"].live.fetch([str(row["login"]) for row in accounts], FIGURES, a_call())

    assert [type(failure) for failure in answer.values()] == [Unavailable, Unavailable]


@pytest.mark.parametrize("server", ["R1", "R2"])
async def test_a_currency_is_its_groups_and_asked_for_once_each(house, database, server):
    rows = await database.fetch("SELECT * FROM platform.account WHERE server = $1 ORDER BY login LIMIT 20", server)
    call = a_call()
    logins = [str(row["login"]) for row in rows]

    await house.servers[server].live.fetch(logins, frozenset({"currency"}), call)
    answer = await house.servers[server].live.fetch(logins, frozenset({"currency"}), call)

    assert {login: record.currency for login, record in answer.items()} == {
        str(row["login"]): row["currency"] for row in rows
    }
    reads = 1 if server == "R1" else len(rows)
    assert call.tally.calls[System("CPLUGIN")] == 2 * reads + len({row["group_name"] for row in rows})


async def test_registration_is_told_in_utc(house, database):
    row = await database.fetchrow("SELECT * FROM platform.account WHERE server = 'R1' ORDER BY login LIMIT 1")
    local = row["registered_local"].replace(tzinfo=ZoneInfo("Europe/Athens"))

    [record] = (await house.servers["R1"].live.fetch([str(row["login"])], frozenset(), a_call())).values()

    assert record.registered_at == local.astimezone(UTC)
    assert record.registered_at.tzinfo is UTC


def test_a_stamp_without_an_offset_is_the_servers_own_time():
    zone = ZoneInfo("Europe/Athens")

    assert wire.read_local_stamp("2026-07-01 12:00:00", zone) == datetime(2026, 7, 1, 9, tzinfo=UTC)
    assert wire.read_local_stamp("2026-01-01T12:00:00", zone) == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert wire.read_local_stamp("2026-07-01T12:00:00Z", zone) == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert wire.read_local_stamp("1970-01-01T00:00:00Z", zone) is None
    assert wire.read_local_stamp("", zone) is None


@pytest.mark.parametrize(
    "value,expected",
    [
        (5, 5),
        ("5", 5),
        ("None", 0),
        ("Enabled, Password, Trailing", 1),
        ("Enabled, TradeDisabled", 5),
        ("Enabled, Bit2", 5),
        ("", 0),
        (None, None),
    ],
)
def test_flags_are_numbers_or_words(value, expected):
    assert flags.bits(value, flags.MT5_NAMES) == expected


@pytest.fixture
async def deposit(house, database):
    query = (
        "SELECT login FROM platform.account WHERE server = 'R1' AND enabled AND NOT read_only ORDER BY login LIMIT 1"
    )
    reference = f"BGCPLUGIN{next(numbers):06}"
    login, amount = str(await database.fetchval(query)), Decimal("10.00")
    order = DepositCommand("R1", login, amount, "USD", reference, f"key-{reference}")
    return await house.servers["R1"].deposits.prepare(order, a_call())


ERRORS = [
    ("Validation", Rejected, Reason.VALIDATION_FAILED),
    ("Forbidden", Rejected, Reason.UPSTREAM_REFUSED),
    ("NotFound", Rejected, Reason.NOT_FOUND),
    ("Busy", Unavailable, Reason.RATE_LIMITED),
    ("NoConnect", OutcomeUnknown, Reason.UPSTREAM_UNAVAILABLE),
    ("Timeout", OutcomeUnknown, Reason.UPSTREAM_UNAVAILABLE),
    ("OutcomeUnknown", OutcomeUnknown, Reason.UPSTREAM_UNAVAILABLE),
    ("Internal", OutcomeUnknown, Reason.UPSTREAM_UNAVAILABLE),
    ("InvalidData", Rejected, Reason.VALIDATION_FAILED),
    ("NotEnoughRights", Rejected, Reason.UPSTREAM_REFUSED),
    ("TooFrequent", Unavailable, Reason.RATE_LIMITED),
    ("AccountDisabled", Rejected, Reason.ACCOUNT_DISABLED),
    ("TradeDisable", Rejected, Reason.ACCOUNT_DISABLED),
    ("TradeNoMoney", Rejected, Reason.INSUFFICIENT_FUNDS),
    ("TradeTimeout", OutcomeUnknown, Reason.UPSTREAM_UNAVAILABLE),
    ("TechProblem", OutcomeUnknown, Reason.UPSTREAM_UNAVAILABLE),
]


@pytest.mark.parametrize("code,error,reason", ERRORS)
async def test_each_error_of_a_deposit(deposit, box, code, error, reason):
    box.tell("cplugin", "/misbehave", {"fault": "business_error", "code": code, "path": "TradeTransaction"})

    with pytest.raises(error) as failed:
        await deposit.send()

    assert failed.value.reason is reason


@pytest.mark.parametrize("outcome", ["unknown", "in-progress"])
async def test_the_outcome_header_outranks_the_code(deposit, box, outcome):
    canned = {"data": None, "error": {"code": "Validation", "managerCode": None, "message": ""}}
    order = {"fault": "json", "json": canned, "headers": {"X-Request-Outcome": outcome}, "path": "TradeTransaction"}
    box.tell("cplugin", "/misbehave", order)

    with pytest.raises(OutcomeUnknown):
        await deposit.send()


async def test_the_key_and_a_deadline_travel_with_a_write(deposit, box):
    await deposit.send()

    request = next(call for call in box.calls("cplugin")["calls"] if "TradeTransaction" in call["path"])
    headers = {name.lower(): value for name, value in request["headers"].items()}
    body = request["body"] if isinstance(request["body"], dict) else json.loads(request["body"])
    assert headers["idempotency-key"].startswith("key-BGCPLUGIN")
    assert headers["x-request-timeout"] == "1"
    assert (body["tradeTransactionType"], body["tradeCommand"]) == ("BrBalance", "Balance")


def an_account(**changes) -> NewAccountCommand:
    number = next(numbers)
    fields = {
        "server": "R1",
        "group": "Basic_IL2",
        "name": "Dana Levi",
        "leverage": Decimal(200),
        "email": None,
        "reference": f"BGACCOUNT{number:06}",
        "idempotency_key": f"account-{number}",
    }
    return NewAccountCommand(**fields | changes)


async def test_an_account_is_made_with_a_password_that_no_repr_shows(house, database):
    order = an_account()

    receipt = await (await house.servers["R1"].accounts.prepare(order, a_call())).send()

    query = "SELECT * FROM platform.account WHERE server = 'R1' AND comment = $1"
    [row] = await database.fetch(query, order.reference)
    assert (receipt.server, receipt.login, receipt.existed) == ("R1", str(row["login"]), False)
    assert (row["name"], row["group_name"], row["leverage"], row["has_password"]) == (
        "Dana Levi",
        "Basic_IL2",
        200,
        True,
    )
    assert receipt.initial_password
    assert receipt.initial_password not in repr(receipt)


@pytest.mark.parametrize(
    "fault", [{"fault": "drop_before"}, {"fault": "status", "status": 403}, {"fault": "business_error", "code": "Busy"}]
)
async def test_an_account_whose_password_failed_is_in_doubt_and_known_by_login(house, database, box, fault):
    order = an_account()
    prepared = await house.servers["R1"].accounts.prepare(order, a_call())
    box.tell("cplugin", "/misbehave", fault | {"path": "UserPasswordSet"})

    with pytest.raises(OutcomeUnknown) as failed:
        await prepared.send()

    query = "SELECT login FROM platform.account WHERE server = 'R1' AND comment = $1"
    [row] = await database.fetch(query, order.reference)
    assert failed.value.upstream_reference == str(row["login"])


@pytest.mark.parametrize(
    "changes", [{"group": "Secret_VIP"}, {"leverage": Decimal("0.5")}, {"leverage": Decimal("1.5")}]
)
async def test_an_account_that_may_not_be_is_refused_unsent(house, box, changes):
    with pytest.raises(Rejected) as refused:
        await house.servers["R1"].accounts.prepare(an_account(**changes), a_call())

    assert refused.value.reason is Reason.VALIDATION_FAILED
    assert box.calls("cplugin")["total"] == 0


def test_a_password_has_all_classes_and_is_never_the_same():
    passwords = {new_password() for _ in range(200)}

    assert len(passwords) == 200
    for password in passwords:
        assert len(password) == 15
        for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits):
            assert set(password) & set(kind)
