"""MT5's own Web API against its stand-in: figures, sessions, deposits, deals, the server's clock and new accounts."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from support.doubts import LeapingClock, an_order, books, opened
from support.vendor_calls import a_call, changed

from core.commands import NewAccountCommand
from core.errors import Misunderstood, OutcomeUnknown, Reason, Rejected, Unavailable
from core.records import LiveAccountRecord
from upstreams.http.sessions import SessionTransport
from upstreams.vendors.mt5_web import money_history as history
from upstreams.vendors.mt5_web.config import Mt5WebLimits
from upstreams.vendors.mt5_web.new_accounts import new_password

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

EQUITY = frozenset({"balance", "equity", "margin", "free_margin", "margin_level"})
numbers = count(1)


@pytest.fixture
def clock() -> LeapingClock:
    return LeapingClock()


@pytest.fixture
async def house(well_behaved, clock):
    async with opened(well_behaved, clock) as upstreams:
        yield upstreams


@pytest.fixture
def server(house):
    return house.servers["M1"]


@pytest.fixture
async def order(database):
    return await an_order(database, "M1")


@pytest.fixture
async def logins(database) -> list[str]:
    query = "SELECT login FROM platform.account WHERE server = 'M1' ORDER BY margin + abs(floating) DESC, login"
    return [str(row["login"]) for row in await database.fetch(query)]


def tell(box, fault: str, path: str | None = None, **more) -> None:
    box.tell("mt5_web", "/misbehave", {"fault": fault} | ({} if path is None else {"path": path}) | more)


def asked(box, path: str) -> int:
    return box.calls("mt5_web")["by_path"].get(path, 0)


async def fetch(server, logins, *wanted: str):
    return await server.live.fetch(logins, frozenset(wanted) or EQUITY, a_call())


async def sent(server, order):
    return await (await server.deposits.prepare(order, a_call(60))).send()


async def find(server, order, at: datetime | None = None):
    return await server.money_history.find(order, at or datetime.now(UTC), a_call())


# Live figures


async def test_all_figures_cost_two_calls_and_an_idle_account_has_no_margin(server, logins, database, box):
    call = a_call()

    found = await server.live.fetch(logins, EQUITY, call)

    assert call.tally.calls == {"MT5_WEB": 2}
    assert (asked(box, "/api/user/get_batch"), asked(box, "/api/user/account/get_batch")) == (1, 1)
    rows = await database.fetch("SELECT * FROM platform.account WHERE server = 'M1'")
    assert {bool(row["margin"] or row["floating"]) for row in rows} == {True, False}
    for row in rows:
        one, equity = found[str(row["login"])], row["balance"] + row["credit"] + row["floating"]
        assert (one.balance, one.equity, one.margin) == (row["balance"], equity, row["margin"])
        assert one.free_margin == equity - row["margin"]
        assert (one.margin_level is None) == (row["margin"] == 0)


async def test_the_second_call_is_made_for_its_figures_alone(server, logins, box):
    await fetch(server, logins, "balance", "group", "enabled")

    assert asked(box, "/api/user/account/get_batch") == 0


async def test_a_currency_is_read_once_for_each_group(server, logins, database, box):
    for _ in range(2):
        found = await fetch(server, logins, "currency")

    rows = await database.fetch("SELECT login, currency, group_name FROM platform.account WHERE server = 'M1'")
    assert {login: one.currency for login, one in found.items()} == {str(row[0]): row[1] for row in rows}
    assert asked(box, "/api/group/get") == len({row["group_name"] for row in rows}) == 2


@pytest.mark.parametrize("retcode", ["14 Partial error", "0 Ok", "10009 Request executed"])
async def test_a_row_counts_whatever_the_words_of_its_success(server, logins, box, retcode):
    tell(box, "patch", "user/get_batch", json={"retcode": retcode})

    assert all(isinstance(one, LiveAccountRecord) for one in (await fetch(server, logins)).values())


@pytest.mark.parametrize("path", ["user/get_batch", "account/get_batch"])
async def test_a_login_that_a_partial_answer_lacks_is_neither_unknown_nor_idle(server, logins, box, path):
    tell(box, "json", path, json={"retcode": "14 Partial error", "answer": []})

    found = await fetch(server, logins[:2])

    assert [(type(one), one.upstream_code) for one in found.values()] == [(Unavailable, "14")] * 2


@pytest.mark.parametrize("retcode", ["1 OK/None", "13 Not found"])
async def test_no_login_is_known_where_the_server_says_so(server, logins, box, retcode):
    tell(box, "json", "user/get_batch", json={"retcode": retcode})

    assert set((await fetch(server, logins)).values()) == {None}


@pytest.mark.parametrize(
    "code,error,reason",
    [
        (12, Unavailable, Reason.RATE_LIMITED),
        (8, Rejected, Reason.UPSTREAM_REFUSED),
        (9, Unavailable, Reason.UPSTREAM_UNAVAILABLE),
        (1002, Unavailable, Reason.UPSTREAM_UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("path", ["user/get_batch", "account/get_batch"])
async def test_a_code_is_the_answer_for_each_login_of_its_call(server, logins, box, path, code, error, reason):
    tell(box, "business_error", path, code=code)

    found = await fetch(server, logins[:2])

    assert [(type(one), one.reason) for one in found.values()] == [(error, reason)] * 2


async def test_numbers_without_quotes_are_read(server, logins, box):
    straight = (await fetch(server, logins[:1]))[logins[0]]
    row = {"Login": int(logins[0]), "Balance": 1.5, "Credit": 0, "Rights": 5, "Leverage": 100, "Group": "g"}
    state = {"Login": int(logins[0]), "Balance": 1.5, "Credit": 0, "Equity": 2.5, "Margin": 1, "MarginFree": 1.5}
    tell(box, "json", "user/get_batch", json={"retcode": 0, "answer": [row]})
    tell(box, "json", "account/get_batch", json={"retcode": 0, "answer": [state]})

    one = (await fetch(server, logins[:1]))[logins[0]]

    assert (one.balance, one.equity, one.free_margin) == (Decimal("1.5"), Decimal("2.5"), Decimal("1.5"))
    assert (one.enabled, one.read_only) == (True, True)
    assert one.balance != straight.balance


async def test_without_a_margin_there_is_no_level(server, logins, box):
    state = dict.fromkeys(("Balance", "Credit", "Equity", "Margin", "MarginFree", "MarginLevel"), "0.00")
    tell(box, "json", "account/get_batch", json={"retcode": "0 Done", "answer": [{"Login": logins[0]} | state]})

    assert (await fetch(server, logins[:1]))[logins[0]].margin_level is None


async def test_a_group_with_a_raw_backslash_has_its_currency(server, logins, box):
    tell(box, "rewrite", "user/get_batch", find=r"real\\\\direct", text="real\\direct")

    found = await fetch(server, logins[:1], "group", "currency")

    assert found[logins[0]].currency is not None
    assert found[logins[0]].group.startswith("real\\direct")


async def test_a_figure_that_cannot_be_read_costs_one_login(server, logins, box):
    tell(box, "rewrite", "account/get_batch", find='"Equity": ?"[^"]*"', text='"Equity":"NaN"')

    found = await fetch(server, logins)

    assert [type(one) for one in found.values() if not isinstance(one, LiveAccountRecord)] == [Misunderstood]


async def test_an_unrequested_row_is_another_answer(server, logins, box):
    tell(box, "json", "account/get_batch", json={"retcode": "0 Done", "answer": [{"Login": "1"}]})

    assert {type(one) for one in (await fetch(server, logins[:2])).values()} == {Misunderstood}


# Sessions


async def test_calls_of_one_link_share_a_handshake(server, logins, box):
    for _ in range(5):
        await fetch(server, logins, "balance")

    assert asked(box, "/api/auth/start") == asked(box, "/api/auth/answer") == 1


async def test_a_session_that_is_lost_in_the_middle_of_a_batch_costs_nothing(server, logins, box):
    await fetch(server, logins)
    tell(box, "expire_token")

    found = await fetch(server, logins)

    assert all(isinstance(one, LiveAccountRecord) for one in found.values())


async def test_a_page_in_place_of_an_answer_is_a_lost_session(server, logins, box):
    await fetch(server, logins, "balance")
    tell(box, "nonsense", "user/get_batch", kind="html", times=1)

    assert all(isinstance(one, LiveAccountRecord) for one in (await fetch(server, logins, "balance")).values())


async def test_a_flap_of_the_server_costs_nothing(server, logins, box):
    await fetch(server, logins)
    for path in ("user/get_batch", "account/get_batch"):
        tell(box, "status", path, status=403, times=1)

    assert all(isinstance(one, LiveAccountRecord) for one in (await fetch(server, logins)).values())


async def test_a_session_that_is_lost_in_the_middle_of_a_deposit_is_reconciled(server, order, database, box):
    prepared = await server.deposits.prepare(order, a_call())
    tell(box, "drop_after", "trade/balance", times=1)

    with pytest.raises(OutcomeUnknown):
        await prepared.send()

    found = await find(server, order)
    assert await books(database, "M1", order) == [(found.upstream_reference, Decimal("100.25"))]
    assert asked(box, "/api/trade/balance") == 1


async def test_a_deposit_without_a_session_is_in_doubt_and_absent(server, order, database, box):
    prepared = await server.deposits.prepare(order, a_call())
    tell(box, "expire_token")

    with pytest.raises(OutcomeUnknown):
        await prepared.send()

    assert await find(server, order) is None
    assert await books(database, "M1", order) == []


async def test_a_refused_handshake_leaves_nothing_sent(well_behaved, order, database, box):
    tell(box, "status", "auth/answer", status=403)
    async with opened(well_behaved, LeapingClock()) as house:
        with pytest.raises(Unavailable, match="refuses our credentials"):
            await house.servers["M1"].deposits.prepare(order, a_call())
        with pytest.raises(Unavailable, match="not called for the moment"):
            await house.servers["M1"].deposits.prepare(order, a_call())

    assert (asked(box, "/api/auth/answer"), asked(box, "/api/trade/balance")) == (1, 0)


async def test_an_impostor_is_refused_before_any_command(well_behaved, logins, box):
    tell(box, "patch", "auth/answer", json={"cli_rand_answer": "0" * 32})
    async with opened(well_behaved, LeapingClock()) as house:
        [failure] = (await fetch(house.servers["M1"], logins[:1])).values()

    assert "did not prove" in failure.message
    assert asked(box, "/api/user/get_batch") == 0


async def test_a_ping_keeps_a_session_that_the_server_would_end(well_behaved, logins, box):
    box.tell("mt5_web", "/settings", {"idle_seconds": 5})

    def pinging(config):
        # With one connection a read waits for a ping, and opens no second session.
        return changed(config, "mt5_web", ping_seconds=0.1, limits=Mt5WebLimits(max_in_flight=1))

    async with opened(well_behaved, LeapingClock(), pinging) as house:
        await fetch(house.servers["M1"], logins, "balance")
        await asyncio.sleep(6)
        await fetch(house.servers["M1"], logins, "balance")

    assert asked(box, "/api/auth/start") == 1
    assert asked(box, "/api/test/access") > 0


async def test_money_and_reads_have_their_own_connections(server, order, logins, box):
    """A read that hangs on every connection of reads delays no deposit."""
    tell(box, "hang", "get_batch")
    reads = [asyncio.create_task(fetch(server, logins[n : n + 1])) for n in range(3)]
    await asyncio.sleep(0)

    assert (await sent(server, order)).upstream_reference

    await asyncio.gather(*reads)


# Deposits


@pytest.mark.parametrize(
    "code,applied,error",
    [
        (10019, False, Rejected),
        (4005, False, Rejected),
        (3, False, Rejected),
        (12, False, Unavailable),
        (7, True, OutcomeUnknown),
        (10, False, OutcomeUnknown),
        (10012, True, OutcomeUnknown),
        (1, True, OutcomeUnknown),
        (14, True, OutcomeUnknown),
    ],
)
async def test_a_code_is_judged_by_what_it_proves(server, order, database, box, code, applied, error):
    tell(box, "business_error", "trade/balance", code=code, apply=applied)

    with pytest.raises(error):
        await sent(server, order)

    assert len(await books(database, "M1", order)) == applied
    found = await find(server, order)
    assert (found is not None) == applied


async def test_a_deposit_is_one_post_with_everything_the_server_must_know(server, order, box):
    await sent(server, order)

    [call] = [call for call in box.calls("mt5_web")["calls"] if call["path"] == "/api/trade/balance"]
    assert (call["method"], call["body"]) == ("POST", "")
    assert dict(call["query"]) == {
        "login": order.login,
        "type": "2",
        "balance": "100.25",
        "comment": order.reference,
        "check_margin": "1",
    }


async def test_an_amount_has_the_places_of_its_currency(server, order, box):
    await sent(server, replace(order, amount=Decimal("7E+1")))

    [call] = [call for call in box.calls("mt5_web")["calls"] if call["path"] == "/api/trade/balance"]
    assert dict(call["query"])["balance"] == "70.00"


async def test_an_amount_above_the_servers_limit_is_refused(server, order):
    with pytest.raises(Rejected) as refused:
        await sent(server, replace(order, amount=Decimal(1_000_000_001)))

    assert (refused.value.reason, refused.value.upstream_code) == (Reason.LIMIT_EXCEEDED, "4005")


# The history


async def test_all_pages_of_deals_are_read(server, order, database, box, monkeypatch):
    monkeypatch.setattr(history, "PAGE_DEALS", 3)
    others = [replace(order, reference=f"{order.reference}{n:03}", amount=Decimal(1)) for n in range(8)]
    for one in others[:5]:
        await sent(server, one)
    receipt = await sent(server, order)
    for one in others[5:]:
        await sent(server, one)
    box.tell("mt5_web", "/reset")
    # The longer references contain the shorter one.
    await database.execute("UPDATE platform.deal SET comment = reverse(comment) WHERE amount = 1 AND server = 'M1'")

    assert await find(server, order) == receipt
    assert asked(box, "/api/deal/get_page") >= 3


async def test_a_deal_that_arrives_between_two_pages_is_read(server, order, database, monkeypatch):
    """The number of deals is read again after the last page."""
    first = await an_order(database, "M1")
    await sent(server, first)
    monkeypatch.setattr(history, "PAGE_DEALS", 1)
    exchange, late = SessionTransport.exchange, []

    async def and_deposit(self, request, *arguments, **named):
        answer = await exchange(self, request, *arguments, **named)
        if request.path == history.PAGE_PATH and not late:
            late.append(None)
            late[0] = await sent(server, order)
        return answer

    monkeypatch.setattr(SessionTransport, "exchange", and_deposit)

    found = await find(server, order)

    assert found == late[0]


@pytest.mark.parametrize("fault", [{"fault": "half"}, {"fault": "json", "json": {"retcode": "0 Done", "answer": []}}])
async def test_fewer_deals_than_counted_prove_no_absence(server, order, database, box, fault):
    await sent(server, order)
    lost = await an_order(database, "M1")
    tell(box, path="deal/get_page", **fault)

    with pytest.raises(Unavailable, match="did not show all deals"):
        await find(server, lost)


@pytest.mark.parametrize("retcode", ["13 Not found", "14 Partial error", "1 OK/None", "8 Not enough permissions"])
async def test_a_list_of_accounts_that_is_not_whole_proves_no_absence(server, new_account, box, retcode):
    tell(box, "json", "user/get_batch", json={"retcode": retcode} | ({"answer": []} if "14" in retcode else {}))

    with pytest.raises((Unavailable, Misunderstood)):
        await look_for(server, new_account)


@pytest.mark.parametrize("code", [13, 8, 9])
async def test_a_history_that_is_refused_proves_no_absence(server, order, box, code):
    tell(box, "business_error", "deal/get_page|deal/get_total", code=code)

    with pytest.raises(Unavailable):
        await find(server, order)


async def test_another_kind_of_operation_with_our_reference_is_for_a_person(server, order, database):
    await sent(server, order)
    await database.execute("UPDATE platform.deal SET command = 'Credit' WHERE comment = $1", order.reference)

    with pytest.raises(Misunderstood):
        await find(server, order)


async def test_our_reference_on_another_account_is_for_a_person(server, order, box):
    deal = {"Deal": "7", "Login": "1", "Action": "2", "Profit": "100.25", "Comment": order.reference}
    tell(box, "json", "deal/get_total", json={"retcode": "0 Done", "answer": {"Total": "1"}})
    tell(box, "json", "deal/get_page", json={"retcode": "0 Done", "answer": [deal]})

    with pytest.raises(Misunderstood):
        await find(server, order)


# The server's clock


@pytest.mark.parametrize("minutes", [180, -300, 345, 0, 840])
async def test_the_servers_clock_is_measured(server, order, box, minutes):
    box.tell("mt5_web", "/settings", {"clock_minutes": minutes})
    receipt = await sent(server, order)
    box.tell("mt5_web", "/settings", {"clock_minutes": minutes})

    assert await find(server, order) == receipt
    [page] = [call for call in box.calls("mt5_web")["calls"] if call["path"] == "/api/deal/get_page"]
    query = dict(page["query"])
    middle = (int(query["from"]) + int(query["to"])) / 2 - minutes * 60
    assert abs(middle - datetime.now(UTC).timestamp()) < 60
    assert int(query["to"]) - int(query["from"]) == 2 * 86_400


async def test_a_clock_that_is_wrong_by_days_is_not_used(server, order, box):
    box.tell("mt5_web", "/settings", {"clock_minutes": 3000})

    with pytest.raises(Misunderstood):
        await find(server, order)


async def test_a_clock_that_changes_is_measured_again(server, order, box, clock):
    """The server's summer time begins between two searches."""
    box.tell("mt5_web", "/settings", {"clock_minutes": 120})
    receipt = await sent(server, order)
    assert await find(server, order) == receipt
    box.tell("mt5_web", "/settings", {"clock_minutes": 180})
    clock.ahead += 901

    assert await find(server, order) == receipt

    pages = [dict(call["query"]) for call in box.calls("mt5_web")["calls"] if call["path"] == "/api/deal/get_page"]
    assert 3590 < int(pages[1]["from"]) - int(pages[0]["from"]) < 3660
    assert asked(box, "/api/time/server") == 2


async def test_a_registration_has_the_offset_of_its_own_season(server, database):
    """M1 is in Athens, where the offset differs between January and July."""
    rows = await database.fetch("SELECT login FROM platform.account WHERE server = 'M1' ORDER BY login LIMIT 2")
    winter, summer = [str(row["login"]) for row in rows]
    change = "UPDATE platform.account SET registered_local = $2 WHERE server = 'M1' AND login = $1"
    await database.execute(change, int(winter), datetime.fromisoformat("2020-01-15T12:00"))
    await database.execute(change, int(summer), datetime.fromisoformat("2020-07-15T12:00"))

    found = await fetch(server, [winter, summer], "registered_at")

    assert found[winter].registered_at == datetime(2020, 1, 15, 10, tzinfo=UTC)
    assert found[summer].registered_at == datetime(2020, 7, 15, 9, tzinfo=UTC)


async def test_the_zone_of_the_settings_does_not_count_against_the_servers_clock(server, logins, box):
    box.tell("mt5_web", "/settings", {"clock_minutes": -300})
    before = (await fetch(server, logins[:1], "registered_at"))[logins[0]]

    assert before.registered_at is not None
    assert before.registered_at.utcoffset() == timedelta()


# New accounts


@pytest.fixture
def new_account() -> NewAccountCommand:
    reference = f"BGDIRECT{next(numbers):06}"
    return NewAccountCommand("M1", "real\\direct", "Dana \\= Le|vi & Co +1", None, "d@example.com", reference, "key")


async def made(server, command):
    return await (await server.accounts.prepare(command, a_call(60))).send()


async def look_for(server, command):
    return await server.account_history.find(command, datetime.now(UTC), a_call())


async def held(database, command) -> list:
    query = "SELECT login, name, email, group_name, leverage FROM platform.account WHERE server = 'M1' AND comment = $1"
    return [tuple(row.values()) for row in await database.fetch(query, command.reference)]


async def test_an_account_is_made_with_a_password_that_is_in_the_body_alone(server, new_account, database, box):
    receipt = await made(server, new_account)

    name, email = new_account.name, new_account.email
    assert await held(database, new_account) == [(int(receipt.login), name, email, "real\\direct", 100)]
    assert len(receipt.initial_password) == 16
    [call] = [call for call in box.calls("mt5_web")["calls"] if call["path"] == "/api/user/add"]
    assert {name for name, _ in call["query"]} == {"group", "name", "leverage"}
    # The sandbox hides the passwords of the requests that it shows.
    assert call["body"].startswith('{"PassMain":***,"PassInvestor":***,')


@pytest.mark.parametrize(
    "fault,applied",
    [
        ({"fault": "drop_after"}, 1),
        ({"fault": "drop_before"}, 0),
        ({"fault": "status", "status": 500, "apply": True}, 1),
        ({"fault": "nonsense", "apply": True}, 1),
        ({"fault": "business_error", "code": 10, "apply": True}, 1),
        ({"fault": "json", "json": {"retcode": "0 Done", "answer": {"Login": "0"}}}, 0),
    ],
    ids=str,
)
async def test_a_lost_account_is_found_and_not_made_twice(server, new_account, database, box, fault, applied):
    tell(box, path="user/add", **fault)

    with pytest.raises(OutcomeUnknown):
        await made(server, new_account)

    accounts = await held(database, new_account)
    found = await look_for(server, new_account)
    assert len(accounts) == applied
    assert ([] if found is None else [(found.login, found.initial_password)]) == [
        (str(one[0]), None) for one in accounts
    ]


@pytest.mark.parametrize(
    "code,reason",
    [
        (8, Reason.UPSTREAM_REFUSED),
        (3002, Reason.ACCOUNT_LIMIT_REACHED),
        (3004, Reason.VALIDATION_FAILED),
        (3006, Reason.VALIDATION_FAILED),
    ],
)
async def test_a_refused_account_is_not_made(server, new_account, database, box, code, reason):
    tell(box, "business_error", "user/add", code=code)

    with pytest.raises(Rejected) as refused:
        await made(server, new_account)

    assert (refused.value.reason, await held(database, new_account)) == (reason, [])


@pytest.mark.parametrize("change", [{"group": "real\\other"}, {"leverage": Decimal("0.5")}, {"leverage": Decimal(0)}])
async def test_an_account_that_the_server_would_change_is_refused_unsent(server, new_account, box, change):
    with pytest.raises(Rejected):
        await server.accounts.prepare(replace(new_account, **change), a_call())

    assert box.calls("mt5_web")["total"] == 0


async def test_a_login_beside_the_answer_is_taken(server, new_account, box):
    tell(box, "json", "user/add", json={"retcode": "0 Done", "login": "777"})

    assert (await made(server, new_account)).login == "777"


async def test_an_account_that_was_moved_to_another_group_is_for_a_person(server, new_account, database):
    receipt = await made(server, new_account)
    change = "UPDATE platform.account SET group_name = $2 WHERE server = 'M1' AND login = $1"
    await database.execute(change, int(receipt.login), "real\\direct euro")

    with pytest.raises(Misunderstood):
        await look_for(server, new_account)


async def test_two_logins_under_one_reference_are_for_a_person(server, new_account, database):
    receipt = await made(server, new_account)
    await database.execute(
        """INSERT INTO platform.account SELECT (jsonb_populate_record(a, '{"login": 999000222}')).*
           FROM platform.account a WHERE server = 'M1' AND login = $1""",
        int(receipt.login),
    )

    try:
        with pytest.raises(Misunderstood):
            await look_for(server, new_account)
    finally:
        await database.execute("DELETE FROM platform.account WHERE server = 'M1' AND login = 999000222")


def test_a_password_has_all_four_classes():
    for _ in range(200):
        password = new_password()
        assert len(password) == 16
        kinds = (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
        assert all(any(kind(one) for one in password) for kind in kinds)
