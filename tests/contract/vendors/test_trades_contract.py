"""Open positions, closed trades and daily reports: answers, batches and damage, over real sockets."""

import json
import random
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from support.trade_ports import END, OPEN, PORTS, REPORT, SECONDARY, START, Port, called
from support.vendor_calls import a_call, changed, settings

from core.clock import Clock
from core.errors import Misunderstood, Unavailable
from core.trades import Side
from upstreams.http.sessions import SessionTransport
from upstreams.http.transport import HttpAnswer, Transport
from upstreams.open import open_upstreams
from upstreams.vendors.cplugin.trades import positions
from upstreams.vendors.kit.token_store import memory_tokens

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

TWO = ["61436", "55521"]


class LaterClock(Clock):
    ahead = 0.0

    def monotonic(self):
        return super().monotonic() + self.ahead


REPORTS = ["closed", "daily"]
BATCHED = [name for name, one in PORTS.items() if one.batched]


@pytest.fixture(params=PORTS)
def port(request) -> Port:
    return PORTS[request.param]


@pytest.fixture
def clock():
    return LaterClock()


@pytest.fixture
async def servers(box, clock):
    async with open_upstreams(settings(box), clock, memory_tokens) as house:
        yield house.servers


@pytest.fixture
def r1(servers):
    return servers["R1"]


@pytest.fixture
def server(servers, port):
    return servers[port.server]


@pytest.fixture
async def two(database, port):
    """Two accounts of the port's server."""
    query = "SELECT login FROM platform.account WHERE server = $1 AND enabled ORDER BY login LIMIT 2"
    return [str(row["login"]) for row in await database.fetch(query, port.server)]


@pytest.fixture
def always_all(monkeypatch):
    """Even few accounts are picked from all trades of the server."""
    monkeypatch.setattr(positions, "MOST_SINGLE", 0)


@pytest.fixture
async def accounts(database):
    query = "SELECT * FROM platform.account WHERE server = 'R1' AND enabled ORDER BY login"
    return {str(row["login"]): row for row in await database.fetch(query)}


def answer_with(box, port, *rows):
    port.tell(box, list(rows))


async def one_position(box, server, **changes):
    answer_with(box, PORTS["positions"], OPEN | changes)
    [position] = (await server.open_positions.fetch(["61436"], a_call()))["61436"]
    return position


async def one_trade(box, server, **changes):
    answer_with(box, PORTS["closed"], OPEN | changes)
    [trade] = (await server.closed_trades.fetch(["61436"], START, END, a_call()))["61436"]
    return trade


# Batches


@pytest.mark.parametrize("few", [1, 20])
async def test_up_to_twenty_accounts_are_read_one_by_one_with_their_groups(r1, accounts, box, few):
    call = a_call()

    found = await r1.open_positions.fetch(list(accounts)[:few], call)

    assert set(found) == set(list(accounts)[:few])
    assert called(box) == {"UserRecordsRequest": 1, "TradesGetByLogin": few}
    most = r1.open_positions.most_calls(few)
    assert (call.tally.calls["CPLUGIN"], call.tally.keys["CPLUGIN"]) == most


async def test_twenty_one_accounts_are_picked_from_all_trades_of_the_server(r1, accounts, box):
    call = a_call()

    found = await r1.open_positions.fetch(list(accounts)[:21], call)

    assert called(box) == {"TradesGet": 1}
    assert len(found) == 21
    assert call.tally.calls["CPLUGIN"] <= r1.open_positions.most_calls(21).calls


async def test_both_ways_give_the_same_positions_which_add_up_to_the_floating_profit(r1, accounts):
    all_of_them = await r1.open_positions.fetch(list(accounts), a_call())

    for start in range(0, len(accounts), 20):
        some = list(accounts)[start : start + 20]
        assert await r1.open_positions.fetch(some, a_call()) == {one: all_of_them[one] for one in some}
    for login, found in all_of_them.items():
        results = sum((one.profit + one.swap + one.commission for one in found), Decimal(0))
        assert results == accounts[login]["floating"]
        assert bool(found) == bool(accounts[login]["floating"] or accounts[login]["margin"])
    assert any(all_of_them.values())


async def test_all_trades_are_shared_for_five_seconds(r1, accounts, box, clock):
    for ahead, calls in ((0, 1), (4.5, 1), (5.5, 2)):
        clock.ahead = ahead
        await r1.open_positions.fetch(list(accounts), a_call())
        assert called(box) == {"TradesGet": calls}


@pytest.mark.usefixtures("always_all")
async def test_pages_are_read_to_the_end(r1, accounts, box, database, monkeypatch, clock):
    whole = await r1.open_positions.fetch(list(accounts), a_call())
    rows = await database.fetchval("SELECT count(*) FROM platform.open_trade WHERE server = 'R1'")
    monkeypatch.setattr(positions, "PAGE_TRADES", 10)
    clock.ahead = 6
    box.reset()

    assert await r1.open_positions.fetch(list(accounts), a_call()) == whole
    assert called(box) == {"TradesGet": -(-rows // 10)}


@pytest.mark.usefixtures("always_all")
async def test_a_part_of_the_pages_is_no_answer(r1, monkeypatch):
    monkeypatch.setattr(positions, "PAGE_TRADES", 10)
    monkeypatch.setattr(positions, "MOST_PAGES", 2)

    assert {type(one) for one in (await r1.open_positions.fetch(TWO, a_call())).values()} == {Unavailable}


@pytest.mark.parametrize("port", BATCHED, indirect=True)
async def test_one_call_carries_many_logins(box, port, clock, database):
    config = changed(changed(settings(box), "cplugin", chunk_logins=20), "mt5_web", chunk_logins=20)
    query = "SELECT login FROM platform.account WHERE server = $1 ORDER BY login LIMIT 21"
    all_logins = [str(row["login"]) for row in await database.fetch(query, port.server)]
    # Nothing is closed in this time, so that no position's opening is looked for.
    window = datetime(2000, 1, 1, tzinfo=UTC), datetime(2000, 2, 1, tzinfo=UTC)
    async with open_upstreams(config, clock, memory_tokens) as house:
        server = house.servers[port.server]
        for logins in (20, 21):
            box.reset()
            call = a_call()
            await port.fetch(server, [*all_logins[:logins], all_logins[0]], call, *window)
            chunks = -(-logins // 20)
            assert called(box, port.vendor).total() == chunks
            system = port.vendor.upper()
            assert (call.tally.calls[system], call.tally.keys[system]) == (chunks, logins)
            most = getattr(server, port.name).most_calls(logins)
            assert (most.calls >= chunks, most.keys >= logins) == (True, True)


# What is not there


async def test_unknown_logins_have_no_answer_or_an_empty_one(r1, box):
    few = await r1.open_positions.fetch(["987654", "61436"], a_call())
    closed = await r1.closed_trades.fetch(["987654"], START, END, a_call())

    assert few["987654"] is None
    assert len(few["61436"]) == 2
    assert closed == {"987654": []}


async def test_a_login_that_the_platform_cannot_have_is_not_asked_for(server, port, box):
    assert await port.fetch(server, ["007", "x"], a_call()) == {"007": None, "x": None}
    assert called(box, port.vendor).total() == 0


async def test_a_failed_call_is_the_error_of_each_login(server, port, box, two):
    code = {"cplugin": "NoConnect", "mt5_web": 10}[port.vendor]
    box.tell(port.vendor, "/misbehave", {"fault": "business_error", "code": code})

    assert {type(one) for one in (await port.fetch(server, two, a_call())).values()} == {Unavailable}


async def test_a_failed_call_for_one_account_costs_this_account(r1, box):
    box.tell("cplugin", "/misbehave", {"fault": "business_error", "code": "Internal", "path": "ByLogin/55521"})

    found = await r1.open_positions.fetch(TWO, a_call())

    assert isinstance(found["55521"], Unavailable)
    assert len(found["61436"]) == 2


@pytest.mark.parametrize("name", ["R2", "L1", "L2", "A1"])
async def test_a_vendor_without_the_calls_has_no_ports(servers, name):
    server = servers[name]
    assert (server.open_positions, server.closed_trades, server.daily_reports) == (None, None, None)


async def test_v1_credentials_read_trades_through_v2_or_not_at_all(box, servers, clock):
    assert servers["R3"].closed_trades is not None
    config = changed(settings(box), "cplugin", "legacy", read_through_v2=False)
    async with open_upstreams(config, clock, memory_tokens) as house:
        server = house.servers["R3"]
        assert (server.open_positions, server.closed_trades, server.daily_reports) == (None, None, None)


# Rows


@pytest.mark.usefixtures("always_all")
async def test_a_row_twice_is_an_error_of_its_login(server, port, box, two):
    one, other = two
    answer_with(box, port, *port.rows(one), *port.rows(one), *port.rows(other))

    found = await port.fetch(server, two, a_call())

    assert isinstance(found[one], Misunderstood)
    assert len(found[other]) == 1


NEEDED = [(port, name) for port, one in PORTS.items() for name in one.needs]


@pytest.mark.usefixtures("always_all")
@pytest.mark.parametrize("value", ["1.#QNAN", ["?"], "NaN"], ids=str)
@pytest.mark.parametrize("port, name", NEEDED, indirect=["port"])
async def test_an_unreadable_figure_is_an_error_of_its_login(server, port, name, box, two, value):
    one, other = two
    answer_with(box, port, *port.rows(one, **{name: value}), *port.rows(other, 1))

    found = await port.fetch(server, two, a_call())

    assert isinstance(found[one], Misunderstood)
    assert len(found[other]) == 1


OPTIONAL = [(port, name) for port, one in PORTS.items() for name in SECONDARY if name in one.row]


@pytest.mark.usefixtures("always_all")
@pytest.mark.parametrize("value", [["?"], {}], ids=str)
@pytest.mark.parametrize("port, name", OPTIONAL, indirect=["port"])
async def test_an_unreadable_secondary_value_costs_that_value(server, port, name, box, two, clock, value):
    async def shown(**changes):
        answer_with(box, port, *port.rows(two[0], **changes))
        clock.ahead += positions.SHARED_SECONDS
        [found] = (await port.fetch(server, two, a_call()))[two[0]]
        box.reset()
        return found

    whole = await shown()
    damaged = await shown(**{name: value})

    lost = [attribute for attribute in (SECONDARY[name],) if hasattr(whole, str(attribute))]
    assert damaged == msgspec.structs.replace(whole, **dict.fromkeys(lost))
    assert all(getattr(whole, attribute) is not None for attribute in lost)


@pytest.mark.usefixtures("always_all")
@pytest.mark.parametrize("login", [None, "?", 7])
async def test_a_row_without_a_login_may_be_of_any(server, port, box, two, login):
    bad = 7 if login == 7 else port.row | {port.login_name: login}
    answer_with(box, port, *port.rows(two[0]), bad)

    assert {type(one) for one in (await port.fetch(server, two, a_call())).values()} == {Misunderstood}


@pytest.mark.parametrize("port", BATCHED, indirect=True)
async def test_a_row_of_another_account_makes_the_answer_another_s(server, port, box, two):
    answer_with(box, port, *port.rows(two[0]), *port.rows("77"))

    assert {type(one) for one in (await port.fetch(server, two, a_call())).values()} == {Misunderstood}


async def test_the_trades_of_another_account_are_not_those_of_this_one(r1, box):
    box.tell(
        "cplugin",
        "/misbehave",
        {"fault": "json", "path": "ByLogin/61436", "json": {"data": [OPEN | {"login": 55521}], "error": None}},
    )

    found = await r1.open_positions.fetch(TWO, a_call())

    assert isinstance(found["61436"], Misunderstood)
    assert isinstance(found["55521"], list)


@pytest.mark.usefixtures("always_all")
async def test_pending_orders_and_balance_operations_are_no_trades(r1, box):
    others = ["BuyLimit", "SellLimit", "BuyStop", "SellStop", "Balance", "Credit", 2, 6, 7]
    rows = [OPEN | {"order": n, "tradeCommand": one, "symbol": ""} for n, one in enumerate(others, 10)]
    for name in ("positions", "closed"):
        answer_with(box, PORTS[name], OPEN, *rows, OPEN | {"order": 2, "tradeCommand": "1"})
        found = (await PORTS[name].fetch(r1, ["61436"], a_call()))["61436"]
        assert [(one.ticket, one.side) for one in found] == [("1", Side.BUY), ("2", Side.SELL)]


@pytest.mark.usefixtures("always_all")
async def test_a_trade_of_an_unknown_kind_is_an_error(r1, box):
    answer_with(box, PORTS["positions"], OPEN | {"tradeCommand": "BuyTwice"})

    assert isinstance((await r1.open_positions.fetch(["61436"], a_call()))["61436"], Misunderstood)


DAMAGE = [b"\x00", b"\n", b"\xe0", b'"', b"\\", b"\\ud800", b"NaN", b",", b":", b"1.#QNAN", b"-nan(ind)"]


def damaged(rows, dice, name):
    """The rows with damage behind the login of one of them, and this login."""
    written = [json.dumps(row).encode() for row in rows]
    bad = dice.randrange(len(rows))
    row, login = written[bad], str(rows[bad][name])
    place = dice.randrange(row.index(login.encode()) + len(login) + 1, len(row) - 1)
    written[bad] = row[:place] + dice.choice(DAMAGE) + row[min(place + dice.choice((0, 1, 5)), len(row) - 1) :]
    return b"[%b]" % b", ".join(written), login


@pytest.mark.usefixtures("always_all")
async def test_damage_of_one_row_never_changes_another_list(server, port, database, clock, monkeypatch):
    query = "SELECT login FROM platform.account WHERE server = $1 AND margin <> 0 ORDER BY login LIMIT 6"
    logins = [str(row["login"]) for row in await database.fetch(query, port.server)]
    window = START, START + timedelta(days=60)
    before = await port.fetch(server, logins, a_call(), *window)
    transport = SessionTransport if port.vendor == "mt5_web" else Transport
    exchange, member, sent = transport.exchange, "answer" if port.vendor == "mt5_web" else "data", []
    dice = random.Random(port.path)

    async def corrupting(self, request, *arguments, **named):
        answer = await exchange(self, request, *arguments, **named)
        if not re.search(port.path, request.path):
            return answer
        whole = json.loads(answer.body)
        if not whole[member]:
            return answer
        rows, login = damaged(whole[member], dice, port.login_name)
        sent.append((rows, login))
        body = json.dumps(whole | {member: "ROWS"}).encode().replace(b'"ROWS"', rows)
        return HttpAnswer(answer.status, answer.headers, body)

    monkeypatch.setattr(transport, "exchange", corrupting)
    for _ in range(40):
        clock.ahead += positions.SHARED_SECONDS
        sent.clear()
        after = await port.fetch(server, logins, a_call(), *window)
        bad = {login for _, login in sent}
        for login in logins:
            # A row that the damage has taken from its login may belong to any, so that all lists may be errors.
            if not isinstance(after[login], Misunderstood):
                assert len(after[login]) == len(before[login]), sent
                assert login in bad or after[login] == before[login], sent


# Figures


@pytest.mark.usefixtures("always_all")
@pytest.mark.parametrize(
    "price, digits, shown",
    [(1.1, 5, "1.10000"), (1.0850000000000002, 5, "1.08500"), (2315, 2, "2315.00"), (147.25, 3, "147.250"),
     (1.23456, 2, "1.23456"), (1.1, None, "1.1"), (1.1, "five", "1.1"), (1.1, -1, "1.1"), (12, 0, "12")],
)  # fmt: skip
async def test_prices_have_the_digits_of_their_symbol(r1, box, price, digits, shown):
    position = await one_position(box, r1, openPrice=price, closePrice=price, digits=digits)
    trade = await one_trade(box, r1, openPrice=price, closePrice=price, digits=digits)

    assert [str(one) for one in (position.open_price, position.current_price)] == [shown, shown]
    assert [str(one) for one in (trade.open_price, trade.close_price)] == [shown, shown]


@pytest.mark.usefixtures("always_all")
async def test_volumes_are_lots_and_results_are_apart(r1, box):
    shown = await one_position(box, r1, volume=15, profit=100.09999999999999, storage=-0.1, commission=-7)

    assert [str(one) for one in (shown.volume, shown.profit, shown.swap, shown.commission)] == [
        "0.15", "100.1", "-0.1", "-7",
    ]  # fmt: skip


@pytest.mark.usefixtures("always_all")
async def test_unset_prices_and_absent_figures_are_null(r1, box):
    shown = await one_position(box, r1, sl=0, tp=1.3, closePrice=0, profit=None, storage=None, comment="")

    assert (shown.stop_loss, shown.take_profit, shown.current_price) == (None, Decimal("1.30000"), None)
    assert (shown.profit, shown.swap, shown.comment) == (None, None, None)


# Times


@pytest.mark.parametrize(
    "written, utc",
    [
        ("2025-01-15T12:00:00", "2025-01-15T10:00:00"),
        ("2025-07-15T12:00:00", "2025-07-15T09:00:00"),
        ("2025-03-30T02:59:59", "2025-03-30T00:59:59"),
        ("2025-03-30T04:00:00", "2025-03-30T01:00:00"),
        ("2025-10-26T02:59:59", "2025-10-25T23:59:59"),
        ("2025-10-26T04:00:00", "2025-10-26T02:00:00"),
        ("2025-07-15T12:00:00Z", "2025-07-15T12:00:00"),
    ],
)
async def test_times_are_converted_from_the_zone_of_the_server(r1, box, written, utc):
    trade = await one_trade(box, r1, openTime=written, closeTime=written)

    moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert (trade.opened_at, trade.closed_at) == (moment, moment)


async def test_a_window_has_its_beginning_and_not_its_end(r1, box):
    times = ["2025-02-03T11:59:59", "2025-02-03T12:00:00", "2025-02-04T11:59:59", "2025-02-04T12:00:00"]
    answer_with(box, PORTS["closed"], *(OPEN | {"order": n, "closeTime": at} for n, at in enumerate(times, 1)))
    start = datetime(2025, 2, 3, 10, tzinfo=UTC)

    found = await r1.closed_trades.fetch(["61436"], start, start + timedelta(days=1), a_call())

    assert [one.ticket for one in found["61436"]] == ["2", "3"]


@pytest.mark.parametrize("port", REPORTS, indirect=True)
async def test_a_day_more_on_either_side_is_asked_for(r1, port, box):
    await port.fetch(r1, TWO, a_call(), datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 3, 8, tzinfo=UTC))

    [one] = [one for one in box.calls("cplugin")["calls"] if port.path.strip("/") in one["path"]]
    assert one["query"] == [
        ["from", "2025-02-28T00:00:00Z"], ["to", "2025-03-09T00:00:00Z"], *(["logins", login] for login in TWO)
    ]  # fmt: skip


async def test_reports_are_of_the_days_of_the_server(r1, box):
    days = ["2025-02-05", "2025-02-03", "2025-02-04", "2025-02-02"]
    answer_with(box, PORTS["daily"], *(REPORT | {"ctm": f"{day}T23:59:59"} for day in days))
    # In Athens this is from 0:30 of 4 February until 0:00 of 5 February.
    window = datetime(2025, 2, 3, 22, 30, tzinfo=UTC), datetime(2025, 2, 4, 22, tzinfo=UTC)

    async def shown(*window):
        return [one.day for one in (await r1.daily_reports.fetch(["61436"], *window, a_call()))["61436"]]

    assert await shown(*window) == [date(2025, 2, 4)]
    assert await shown(window[0] - timedelta(hours=1), window[1] + timedelta(seconds=1)) == [
        date(2025, 2, 3), date(2025, 2, 4), date(2025, 2, 5),
    ]  # fmt: skip


async def test_the_day_of_a_report_is_the_written_day_whatever_its_offset(r1, box):
    answer_with(box, PORTS["daily"], REPORT | {"ctm": "2025-02-03T23:59:59Z"})

    [report] = (await r1.daily_reports.fetch(["61436"], START, END, a_call()))["61436"]

    assert (report.day, str(report.balance), report.profit_closed) == (date(2025, 2, 3), "5", None)


async def test_seeded_reports_go_with_the_account(r1, accounts):
    # A window before now, because the balance of today's report changes with each deposit of other tests.
    reports = await r1.daily_reports.fetch(list(accounts), START, START + timedelta(days=30), a_call())

    for login, found in reports.items():
        for report in found:
            floating = accounts[login]["floating"]
            assert report.equity == report.balance + report.credit + floating
            assert report.day.isoweekday() <= 5
    assert any(reports.values())
