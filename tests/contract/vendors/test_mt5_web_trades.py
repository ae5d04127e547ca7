"""Trades by MT5's own Web API: the deals of positions, the server's clock, lost sessions and older builds."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from support.trade_ports import CLOSED, DAY, DEAL, END, OPENED, OPENING, PORTS, POSITION, START, Port, called
from support.vendor_calls import a_call, changed, settings

from core.clock import Clock
from core.errors import Misunderstood, Reason, Rejected, Unavailable
from core.trades import Side
from upstreams.http.limits import Limits
from upstreams.open import open_upstreams
from upstreams.vendors.kit.token_store import memory_tokens
from upstreams.vendors.mt5_web.trades import reports

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

MT5 = {name: one for name, one in PORTS.items() if one.vendor == "mt5_web"}
DEALS, DAYS, OLDER = "/api/deal/get_batch", "/api/daily/get_batch", "/api/daily_get"
# Nothing hangs here, and a busy machine may need seconds for long lists.
PATIENT = Limits(read_timeout_seconds=30.0, total_timeout_seconds=60.0)
ALWAYS = datetime(1990, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(params=MT5)
def port(request) -> Port:
    return PORTS[request.param]


@pytest.fixture
async def server(box):
    async with open_upstreams(settings(box, PATIENT), Clock(), memory_tokens) as house:
        yield house.servers["M1"]


@pytest.fixture
async def accounts(database):
    rows = await database.fetch("SELECT * FROM platform.account WHERE server = 'M1' ORDER BY login")
    return {str(row["login"]): row for row in rows}


@pytest.fixture
def logins(accounts):
    return list(accounts)


@pytest.fixture
async def long_open(database):
    """A closed trade that was opened a month before, and one that was opened 200 days before."""
    query = """SELECT DISTINCT ON (days) *, closed_local::date - opened_local::date AS days FROM platform.closed_trade
        WHERE server = 'M1' AND closed_local - opened_local > interval '20 days' ORDER BY days, login"""
    return await database.fetch(query)


def tell(box, fault: str, path: str, **more) -> None:
    box.tell("mt5_web", "/misbehave", {"fault": fault, "path": path} | more)


def asked(box, path: str) -> list[dict]:
    return [dict(call["query"]) for call in box.calls("mt5_web")["calls"] if call["path"] == path]


def utc(local: datetime) -> datetime:
    return local.replace(tzinfo=ZoneInfo("Europe/Athens")).astimezone(UTC)


async def trades_of(server, logins, start=START, end=END, call=None):
    return await server.closed_trades.fetch(logins, start, end, call or a_call(60))


def deal(number: int, **changes) -> dict:
    return DEAL | {"Deal": str(number), "Order": str(number), "Login": "8000000001"} | changes


async def shown(box, server, *rows) -> list:
    """The trades that the server shows of these deals."""
    PORTS["mt5 closed"].tell(box, list(rows))
    return (await trades_of(server, ["8000000001"]))["8000000001"]


# Seeded figures


async def test_all_open_positions_cost_one_call_and_add_up_to_the_floating_profit(server, accounts, box):
    call = a_call(60)

    found = await server.open_positions.fetch(list(accounts), call)

    assert called(box, "mt5_web") == {"/api/position/get_batch": 1}
    assert (call.tally.calls["MT5_WEB"], call.tally.keys["MT5_WEB"]) == server.open_positions.most_calls(len(accounts))
    for login, positions in found.items():
        assert sum(one.profit + one.swap for one in positions) == accounts[login]["floating"]
        assert {one.commission for one in positions} <= {None}
        assert bool(positions) == bool(accounts[login]["floating"] or accounts[login]["margin"])
    assert any(found.values())


async def test_closed_trades_are_those_of_the_server(server, accounts, database, box):
    rows = await database.fetch("SELECT * FROM platform.closed_trade WHERE server = 'M1' ORDER BY ticket")

    found = await trades_of(server, list(accounts), *ALWAYS)

    assert called(box, "mt5_web") == {DEALS: 1}
    by_login = {login: sorted(trades, key=lambda one: int(one.ticket)) for login, trades in found.items()}
    for login in accounts:
        mine = [row for row in rows if str(row["login"]) == login]
        assert [
            (one.symbol, one.side, one.volume, one.open_price, one.close_price, one.profit, one.swap, one.commission)
            for one in by_login[login]
        ] == [
            (row["symbol"], row["command"].upper(), Decimal(row["volume"]) / 100, round(row["open_price"], 5),
             round(row["close_price"], 5), row["profit"], row["swap"], row["commission"])
            for row in mine
        ]  # fmt: skip
        assert [(one.opened_at, one.closed_at) for one in by_login[login]] == [
            (utc(row["opened_local"]), utc(row["closed_local"])) for row in mine
        ]
    assert len(rows) > len(accounts)


async def test_seeded_reports_go_with_the_account(server, accounts, box):
    found = await server.daily_reports.fetch(list(accounts), START, START + timedelta(days=30), a_call(60))

    assert called(box, "mt5_web") == {DAYS: 1}
    assert any(found.values())
    for login, list_of_one in found.items():
        for one in list_of_one:
            assert one.equity == one.balance + one.credit + accounts[login]["floating"]
            assert one.margin == accounts[login]["margin"]
            assert one.day.isoweekday() <= 5


# Positions that were opened before the window


async def test_an_opening_before_the_window_is_looked_for_for_its_account_alone(server, logins, long_open, box):
    for row, calls in zip(long_open, (2, 3), strict=True):
        at, login = utc(row["closed_local"]), str(row["login"])
        box.reset()
        call = a_call(60)

        found = await trades_of(server, logins, at, at + timedelta(seconds=1), call)

        [trade] = found[login]
        assert (trade.opened_at, trade.profit) == (utc(row["opened_local"]), row["profit"])
        assert (trade.swap, trade.commission) == (row["swap"], row["commission"])
        reads = asked(box, DEALS)
        assert len(reads) == call.tally.calls["MT5_WEB"] == calls
        assert all(login in one["login"].split(",") for one in reads)
        assert len(reads[1]["login"]) < len(reads[0]["login"])
        # The windows lie one before the other, and the last one begins with the first deal.
        assert [one["to"] for one in reads[1:]] == [one["from"] for one in reads[:-1]]
        assert (reads[-1]["from"] == "0") == (calls == 3)
        most = server.closed_trades.most_calls(len(logins))
        assert (call.tally.calls["MT5_WEB"], call.tally.keys["MT5_WEB"]) <= most


async def test_a_position_that_grew_in_the_window_has_its_first_opening(server, box):
    grown = opening(2, Order="2", PositionID="1", Time=str(OPENED + 60))
    end = deal(11, Volume="3000", VolumeExt="30000000")
    earlier = opening(1, Time=str(OPENED - 900_000))
    for rows in ([grown, end], [earlier, grown]):
        answer = {"retcode": "0 Done", "answer": rows}
        tell(box, "json", "deal/get_batch", times=1, json=answer)
    start = datetime.fromtimestamp(OPENED, UTC)

    [found] = (await trades_of(server, ["8000000001"], start, start + timedelta(days=2)))["8000000001"]

    assert (str(found.volume), found.opened_at) == ("0.30", start - timedelta(seconds=900_000, hours=2))
    assert len(asked(box, DEALS)) == 2


async def test_a_failed_search_for_an_opening_costs_its_account(server, logins, long_open, box):
    row = long_open[0]
    at, login = utc(row["closed_local"]), str(row["login"])
    whole = await trades_of(server, logins, at - timedelta(days=40), at + timedelta(days=3))

    # The second read is the one that fails.
    tell(box, "latency", "deal/get_batch", seconds=0, times=1)
    tell(box, "business_error", "deal/get_batch", code=9)
    found = await trades_of(server, logins, at - timedelta(hours=1), at + timedelta(days=3))

    assert isinstance(found[login], Unavailable)
    others = [one for one, trades in found.items() if isinstance(trades, list)]
    assert others
    for one in others:
        assert found[one] == [trade for trade in whole[one] if trade.closed_at >= at - timedelta(hours=1)]


async def test_a_closing_without_an_opening_is_an_error_of_its_account(server, box):
    PORTS["mt5 closed"].tell(box, [deal(11)])

    found = await trades_of(server, ["8000000001", "8000000002"])

    assert (type(found["8000000001"]), found["8000000002"]) == (Misunderstood, [])
    assert [one["login"] for one in asked(box, DEALS)] == ["8000000001,8000000002", "8000000001", "8000000001"]


# Deals


def opening(number=1, **changes):
    return deal(number, **OPENING) | {"Order": str(number), "PositionID": str(number)} | changes


async def test_a_position_that_is_closed_in_parts_is_a_trade_for_each_part(server, box):
    opened = opening(Volume="3000", VolumeExt="30000000", Commission="-1.00")
    parts = [deal(n, Volume="1000", VolumeExt="10000000", Commission="-0.10", Profit=f"{n}.00") for n in (11, 12, 13)]

    found = await shown(box, server, opened, *parts)

    assert [(one.ticket, str(one.volume), one.profit) for one in found] == [
        ("11", "0.10", 11), ("12", "0.10", 12), ("13", "0.10", 13)
    ]  # fmt: skip
    assert [str(one.commission) for one in found] == ["-0.43", "-0.44", "-0.43"]
    assert sum(one.commission for one in found) == Decimal("-1.30")


async def test_a_part_that_is_still_open_is_no_trade(server, box):
    found = await shown(box, server, opening(Volume="3000", VolumeExt="30000000", Commission="-0.30"), deal(11))

    assert [(str(one.volume), str(one.commission)) for one in found] == [("0.15", "-0.15")]


async def test_two_positions_that_close_each_other_are_two_trades(server, box):
    bought, sold = opening(1), opening(2, Action="1", Price="1.30000")
    by = [deal(11, Entry="3"), deal(12, Entry="3", Action="0", PositionID="2", Price="1.10000", Profit="0.00")]

    found = await shown(box, server, bought, sold, *by)

    assert [(one.ticket, one.side, str(one.open_price), str(one.close_price)) for one in found] == [
        ("11", Side.BUY, "1.10000", "1.20000"), ("12", Side.SELL, "1.30000", "1.10000")
    ]  # fmt: skip


async def test_a_reversal_closes_what_was_open_and_opens_the_rest(server, box):
    more = opening(2, Order="2", PositionID="1", Price="1.10001", Time=str(OPENED + 60))
    reversal = deal(3, Entry="2", Volume="4500", VolumeExt="45000000", Commission="-0.45", Storage="-0.20")
    end = deal(4, Action="0", Time=str(CLOSED + 60), Price="1.15000", Profit="7.50", Commission="-0.05")

    found = await shown(box, server, opening(1), more, reversal, end)

    first, second = found
    assert (first.ticket, first.side, str(first.volume), first.profit) == ("3", Side.BUY, "0.30", Decimal("1.5"))
    # The average of 1.10000 and 1.10001 has the digits of the symbol.
    assert (str(first.open_price), str(first.close_price)) == ("1.10000", "1.20000")
    assert (str(first.commission), str(first.swap)) == ("-0.30", "-0.20")
    assert (second.side, str(second.volume), str(second.open_price)) == (Side.SELL, "0.15", "1.20000")
    assert (second.opened_at, str(second.commission)) == (first.closed_at, "-0.20")


async def test_a_fee_is_a_part_of_the_commission(server, box):
    [found] = await shown(box, server, opening(Commission="-0.50", Fee="-0.10"), deal(11, Fee="-0.02"))

    assert str(found.commission) == "-0.62"


@pytest.mark.parametrize("action", range(2, 21))
async def test_operations_and_cancelled_deals_are_no_trades(server, box, action):
    operation = deal(5, Action=str(action), Symbol="", Volume="0", VolumeExt="0", PositionID="0", Price="0.00")

    assert [one.ticket for one in await shown(box, server, opening(), operation, deal(11))] == ["11"]


@pytest.mark.parametrize(
    "rows",
    [
        [opening(), deal(11, Action="21")],
        [opening(), deal(11, Entry="4")],
        [opening(), deal(11, Action="0")],
        [opening(), deal(11, Volume="1501", VolumeExt="15010000")],
        [opening(), opening(2, PositionID="1", Action="1"), deal(11)],
        [opening(), deal(11, Entry="2", Volume="1000", VolumeExt="10000000")],
        [opening(), deal(11, Volume="?", VolumeExt="0")],
        [opening(), deal(11, Volume="-1500", VolumeExt="")],
    ],
)
async def test_deals_that_do_not_go_together_are_an_error(server, box, rows):
    assert isinstance(await shown(box, server, *rows), Misunderstood)


@pytest.mark.parametrize(
    "volume, extended, lots",
    [("1500", "15000000", "0.15"), ("1500", None, "0.15"), ("1500", "0", "0.15"), ("1500", "", "0.15"),
     ("1", "12345", "0.00012345"), ("10000", "100000000", "1.00"), ("1", None, "0.0001"), (1500, 15000000, "0.15")],
)  # fmt: skip
async def test_a_volume_is_in_lots(server, box, volume, extended, lots):
    row = POSITION | {"Login": "8000000001", "Volume": volume, "VolumeExt": extended}
    PORTS["mt5 positions"].tell(box, [row])

    [found] = (await server.open_positions.fetch(["8000000001"], a_call(60)))["8000000001"]

    assert str(found.volume) == lots


# Times


@pytest.mark.parametrize(
    "written, moment",
    [
        ("2025-01-15T12:00:00", "2025-01-15T10:00:00"),
        ("2025-07-15T12:00:00", "2025-07-15T09:00:00"),
        ("2025-03-30T02:59:59", "2025-03-30T00:59:59"),
        ("2025-03-30T04:00:00", "2025-03-30T01:00:00"),
        ("2025-10-26T02:59:59", "2025-10-25T23:59:59"),
        ("2025-10-26T03:30:00", "2025-10-26T00:30:00"),
        ("2025-10-26T04:00:00", "2025-10-26T02:00:00"),
    ],
)
async def test_times_have_the_offset_of_their_own_season(server, box, written, moment):
    """M1 is in Athens, and its clock is measured now."""
    stamp = str(int(datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp()))

    [found] = await shown(box, server, opening(Time=stamp), deal(11, Time=stamp))

    expected = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert (found.opened_at, found.closed_at) == (expected, expected)


async def test_a_clock_that_is_not_that_of_the_zone_has_its_measured_offset(server, logins, box):
    box.tell("mt5_web", "/settings", {"clock_minutes": -300})

    [found] = await shown(box, server, opening(), deal(11))

    assert found.closed_at == datetime.fromtimestamp(CLOSED, UTC) + timedelta(hours=5)


async def test_a_window_has_its_beginning_and_not_its_end(server, box):
    box.tell("mt5_web", "/settings", {"clock_minutes": 120})
    times = [CLOSED - 1, CLOSED, CLOSED + 86_399, CLOSED + 86_400]
    rows = [row for n, at in enumerate(times, 1) for row in (
        opening(n), deal(10 + n, PositionID=str(n), Time=str(at)))]  # fmt: skip
    PORTS["mt5 closed"].tell(box, rows)
    start = datetime.fromtimestamp(CLOSED, UTC) - timedelta(hours=2)

    found = await trades_of(server, ["8000000001"], start, start + timedelta(days=1))

    assert [one.ticket for one in found["8000000001"]] == ["12", "13"]
    [query] = asked(box, DEALS)
    assert int(query["from"]) == int(start.timestamp()) + 7200 - 86_400
    assert int(query["to"]) - int(query["from"]) == 3 * 86_400


async def test_reports_are_of_the_days_of_the_server(server, box):
    rows = [DAY | {"Login": "8000000001", "DatetimePrev": str(1_738_627_199 + n * 86_400)} for n in (2, 0, 1, -1)]
    PORTS["mt5 daily"].tell(box, rows)
    # In Athens this is from 0:30 of 4 February until 0:00 of 5 February.
    window = datetime(2025, 2, 3, 22, 30, tzinfo=UTC), datetime(2025, 2, 4, 22, tzinfo=UTC)

    async def days(*window):
        found = await server.daily_reports.fetch(["8000000001"], *window, a_call(60))
        return [one.day for one in found["8000000001"]]

    assert await days(*window) == [date(2025, 2, 4)]
    assert await days(window[0] - timedelta(hours=1), window[1] + timedelta(seconds=1)) == [
        date(2025, 2, 3), date(2025, 2, 4), date(2025, 2, 5),
    ]  # fmt: skip


async def test_without_the_servers_clock_there_are_no_times(server, port, logins, box):
    tell(box, "business_error", "time/server", code=9)

    assert {type(one) for one in (await port.fetch(server, logins[:2], a_call(60))).values()} == {Unavailable}


# Sessions and codes


@pytest.mark.parametrize(
    "fault", [{"fault": "drop_after"}, {"fault": "status", "status": 403}, {"fault": "nonsense"}], ids=str
)
async def test_a_session_that_is_lost_in_the_middle_of_a_batch_costs_nothing(box, port, logins, fault):
    window = START, START + timedelta(days=10)
    chunks = changed(settings(box, PATIENT), "mt5_web", chunk_logins=4)
    async with open_upstreams(chunks, Clock(), memory_tokens) as house:
        server = house.servers["M1"]
        whole = await port.fetch(server, logins[:12], a_call(60), *window)
        assert not any(isinstance(one, Exception) for one in whole.values())
        box.reset()
        tell(box, path=port.path, times=1, **fault)
        box.tell("mt5_web", "/misbehave", {"fault": "expire_token"})
        call = a_call(60)

        assert await port.fetch(server, logins[:12], call, *window) == whole

        # Each chunk is sent once more at most.
        assert 3 < called(box, "mt5_web").total() == call.tally.calls["MT5_WEB"] <= 6
        assert box.calls("mt5_web")["by_path"]["/api/auth/start"] >= 1


@pytest.mark.parametrize("code", ["1 OK/None", "13 Not found"])
async def test_accounts_without_rows_have_empty_lists(server, port, logins, box, code):
    tell(box, "json", port.path, json={"retcode": code})

    assert list((await port.fetch(server, logins[:2], a_call(60))).values()) == [[], []]


async def test_a_part_of_a_list_is_no_list(server, port, logins, box):
    tell(box, "json", port.path, json={"retcode": "14 Partial error", "answer": port.rows(logins[0])})

    found = await port.fetch(server, logins[:2], a_call(60))

    assert [(type(one), one.upstream_code) for one in found.values()] == [(Unavailable, "14")] * 2


# Older builds

NO_PATH = [{"fault": "status", "status": 404}, {"fault": "business_error", "code": 12000}]


@pytest.mark.parametrize("fault", NO_PATH, ids=str)
async def test_an_older_build_is_asked_account_by_account(server, logins, box, fault):
    some, window = logins[:3], (START, START + timedelta(days=30))
    whole = await server.daily_reports.fetch(some, *window, a_call(60))
    box.reset()
    box.tell("mt5_web", "/misbehave", fault | {"path": "daily/get_batch"})
    call = a_call(60)

    assert await server.daily_reports.fetch(some, *window, call) == whole

    assert called(box, "mt5_web") == {DAYS: 1, OLDER: 3}
    assert (call.tally.calls["MT5_WEB"], call.tally.keys["MT5_WEB"]) == server.daily_reports.most_calls(3)


async def test_an_older_build_is_not_asked_for_many_accounts(server, logins, box, monkeypatch):
    monkeypatch.setattr(reports, "MOST_SINGLE", 2)
    box.tell("mt5_web", "/misbehave", NO_PATH[0] | {"path": "daily/get_batch"})

    found = await server.daily_reports.fetch(logins[:3], START, END, a_call(60))

    assert [(type(one), one.reason) for one in found.values()] == [(Rejected, Reason.LIMIT_EXCEEDED)] * 3
    assert called(box, "mt5_web") == {DAYS: 1}


async def test_a_refusal_is_no_older_build(server, logins, box):
    tell(box, "business_error", "daily/get_batch", code=8)

    found = await server.daily_reports.fetch(logins[:2], START, END, a_call(60))

    assert [one.upstream_code for one in found.values()] == ["8", "8"]
    assert called(box, "mt5_web") == {DAYS: 1}
