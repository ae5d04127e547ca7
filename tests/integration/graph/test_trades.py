"""Open positions, closed trades and daily reports in the graph, with both executors."""

from collections import Counter
from datetime import UTC, timedelta
from decimal import Decimal

import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

YEAR = 'from: "2025-01-01T00:00:00Z", to: "2026-01-01T00:00:00Z"'
MONTH = 'from: "2025-01-01T00:00:00Z", to: "2025-02-01T00:00:00Z"'
LISTS = f"""openPositions {{ ticket }} closedTrades({YEAR}, first: 1) {{ nodes {{ ticket }} }}
    dailyReports({MONTH}) {{ day }}"""
SERVER = "server { name system hasOpenPositions hasClosedTrades hasDailyReports }"
ACCOUNT = 'query ($l: String!) { tradingAccount(by: { account: { server: "R1", login: $l } }) { %s } }'
POSITION = """ticket symbol side volume openPrice currentPrice stopLoss takeProfit swap commission profit openedAt
    comment"""
TRADE = "ticket symbol side volume openPrice closePrice swap commission profit openedAt closedAt comment"
REPORT = "day balance equity credit deposits profitClosed margin"


def of_account(graph, fields, login="61436", key="demo-operator"):
    return graph.data(ACCOUNT % fields, {"l": login}, key)["tradingAccount"]


def called(box):
    return Counter({path.split("}/")[1].partition("/")[0]: n for path, n in box.calls("cplugin")["by_path"].items()})


def test_an_open_position_has_every_digit_and_utc_times(graph):
    [first, second] = of_account(graph, f"openPositions {{ {POSITION} }}")["openPositions"]

    assert first == {
        "ticket": "500245744",
        "symbol": "EURUSD",
        "side": "BUY",
        "volume": "0.50",
        "openPrice": "1.08464",
        "currentPrice": "1.08500",
        "stopLoss": "0.97650",
        "takeProfit": "1.19350",
        "swap": "-1.50",
        "commission": "-3.00",
        "profit": "130.00",
        # 9:00 in Athens.
        "openedAt": "2026-03-10T07:00:00.000Z",
        "comment": None,
    }
    assert (second["ticket"], second["side"], second["openPrice"], second["stopLoss"]) == (
        *("500245745", "SELL", "147.214"),
        None,
    )


def test_a_closed_trade_has_every_digit_and_utc_times(graph):
    found = of_account(graph, f"closedTrades({YEAR}) {{ nodes {{ {TRADE} }} pageInfo {{ hasNextPage }} }}")

    assert found["closedTrades"]["pageInfo"] == {"hasNextPage": False}
    assert [one["ticket"] for one in found["closedTrades"]["nodes"]] == ["1000982976", "1000982977", "1000982978"]
    assert found["closedTrades"]["nodes"][1] == {
        "ticket": "1000982977",
        "symbol": "USDJPY",
        "side": "BUY",
        "volume": "0.30",
        "openPrice": "147.250",
        "closePrice": "147.234",
        "swap": "-0.35",
        "commission": "-1.40",
        "profit": "-142.62",
        # 8:00 and 15:56 of a summer day in Athens.
        "openedAt": "2025-04-09T05:00:00.000Z",
        "closedAt": "2025-04-09T12:56:00.000Z",
        "comment": None,
    }


async def test_mt5_by_its_web_api_has_every_digit_and_utc_times(graph, database):
    query = """
        SELECT o.*, (o.opened_local AT TIME ZONE 'Europe/Athens') AS opened, c.ticket AS number, c.symbol AS instrument,
               c.digits AS places, c.command AS side, c.close_price AS price, c.profit AS result, c.swap AS swapped,
               c.commission AS costs, (c.opened_local AT TIME ZONE 'Europe/Athens') AS before,
               (c.closed_local AT TIME ZONE 'Europe/Athens') AS after
        FROM platform.open_trade o JOIN platform.closed_trade c USING (server, login)
        JOIN brokergraph_erp.trading_account t ON t.server = o.server AND t.login = o.login::text
        WHERE o.server = 'M1' AND c.closed_local BETWEEN '2025-01-02' AND '2025-12-30'
        ORDER BY c.closed_local - c.opened_local DESC, o.login, o.ticket LIMIT 1"""
    row = await database.fetchrow(query)
    lists = f"""openPositions {{ {POSITION} }} closedTrades({YEAR}) {{ nodes {{ {TRADE} }} }}
        dailyReports({YEAR}) {{ {REPORT} }}"""

    found = graph.data(ACCOUNT.replace('"R1"', '"M1"') % lists, {"l": str(row["login"])})["tradingAccount"]

    def utc(moment):
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    position = {one["ticket"]: one for one in found["openPositions"]}[str(row["ticket"])]
    assert position | {"profit": None, "swap": None, "stopLoss": None, "takeProfit": None} == {
        "ticket": str(row["ticket"]),
        "symbol": row["symbol"],
        "side": row["command"].upper(),
        "volume": f"{Decimal(row['volume']) / 100:.2f}",
        "openPrice": str(round(row["open_price"], row["digits"])),
        "currentPrice": str(round(row["close_price"], row["digits"])),
        "stopLoss": None,
        "takeProfit": None,
        "swap": None,
        "commission": None,
        "profit": None,
        "openedAt": utc(row["opened"]),
        "comment": None,
    }
    [trade] = [one for one in found["closedTrades"]["nodes"] if one["closedAt"] == utc(row["after"])]
    assert (trade["symbol"], trade["side"]) == (row["instrument"], row["side"].upper())
    assert (trade["openedAt"], trade["closePrice"]) == (utc(row["before"]), str(round(row["price"], row["places"])))
    assert [Decimal(trade[name]) for name in ("profit", "swap", "commission")] == [
        row["result"], row["swapped"], row["costs"]
    ]  # fmt: skip
    assert row["after"] - row["before"] > timedelta(days=20)
    for report in found["dailyReports"]:
        assert None not in report.values()
    assert found["dailyReports"]


def test_daily_reports_are_of_the_days_of_the_server(graph):
    found = of_account(graph, f'dailyReports(from: "2025-01-21T22:00:00Z", to: "2025-01-22T22:00:00Z") {{ {REPORT} }}')

    [report] = found["dailyReports"]
    assert (report["day"], report["profitClosed"], report["margin"]) == ("2025-01-22", "42.34", "1000.00")
    assert Decimal(report["equity"]) == Decimal(report["balance"]) + Decimal(report["credit"]) + Decimal("125.50")


def test_pages_of_closed_trades_are_the_whole_list(graph):
    page = f"""closedTrades({YEAR}, first: 1, after: %s) {{
        edges {{ cursor node {{ ticket }} }} pageInfo {{ endCursor hasNextPage hasPreviousPage }} }}"""
    after, tickets = "null", []
    while True:
        found = of_account(graph, page % after)["closedTrades"]
        tickets += [edge["node"]["ticket"] for edge in found["edges"]]
        assert found["pageInfo"]["hasPreviousPage"] == (after != "null")
        assert found["pageInfo"]["endCursor"] == found["edges"][-1]["cursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = f'"{found["pageInfo"]["endCursor"]}"'
    assert tickets == ["1000982976", "1000982977", "1000982978"]


# Limits


def window(name, start, end, more=""):
    return f'{name}(from: "{start}", to: "{end}"{more}) {{ __typename }}'


@pytest.mark.parametrize("name, days", [("closedTrades", 366), ("dailyReports", 400)])
def test_the_longest_window_is_accepted_and_a_longer_one_is_not(graph, well_behaved, name, days):
    end = {366: "2025-01-01T00:00:00Z", 400: "2025-02-04T00:00:00Z"}[days]
    later = end.replace("00:00Z", "01:00Z")
    assert of_account(graph, window(name, "2024-01-01T00:00:00Z", end))[name] is not None
    well_behaved.reset()

    body = graph.ask(ACCOUNT % window(name, "2024-01-01T00:00:00Z", later), {"l": "61436"})

    assert body["data"] == {"tradingAccount": {name: None}}
    [error] = body["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("BAD_USER_INPUT", ["tradingAccount", name])
    assert error["locations"]
    assert str(days) in error["message"]
    assert called(well_behaved).total() == 0


@pytest.mark.parametrize(
    "start, end",
    [("2025-01-02T00:00:00Z", "2025-01-01T00:00:00Z"), ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
     ("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"), ("9999-12-30T00:00:00Z", "9999-12-31T23:59:59Z")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["closedTrades", "dailyReports"])
def test_a_window_that_is_none_is_refused(graph, name, start, end):
    body = graph.ask(ACCOUNT % window(name, start, end), {"l": "61436"})

    assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("more", [", first: 0", ", first: 201", ', after: "x"'])
def test_pages_have_the_limits_of_all_lists(graph, more):
    field = window("closedTrades", "2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z", more)
    body = graph.ask(ACCOUNT % field, {"l": "61436"})

    assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]


# Callers


@pytest.mark.parametrize("key", ["demo-reader", "demo-approver"])
def test_a_caller_without_the_scope_gets_null_and_one_error_per_field(graph, well_behaved, key):
    body = graph.ask(ACCOUNT % f"login {LISTS}", {"l": "61436"}, key)

    account = {"login": "61436", "openPositions": None, "closedTrades": None, "dailyReports": None}
    assert body["data"]["tradingAccount"] == account
    assert {(error["extensions"]["code"], *error["extensions"]["requiredScopes"]) for error in body["errors"]} == {
        ("FORBIDDEN", "trade:read")
    }
    assert len(body["errors"]) == 3
    assert called(well_behaved).total() == 0


def test_an_account_of_another_agency_has_no_trades(graph, well_behaved):
    assert graph.data(ACCOUNT % LISTS, {"l": "61436"}, "demo-partner") == {"tradingAccount": None}
    assert called(well_behaved).total() == 0


# Servers


def test_vendors_without_the_calls_give_null_without_an_error_and_say_so_beforehand(graph):
    query = f"{{ clients(first: 100) {{ nodes {{ tradingAccounts(first: 5) {{ nodes {{ {SERVER} {LISTS} }} }} }} }} }}"

    clients = graph.data(query)["clients"]["nodes"]

    accounts = [account for client in clients for account in client["tradingAccounts"]["nodes"]]
    has = {account["server"]["name"]: account["server"]["hasOpenPositions"] for account in accounts}
    assert has == {"R1": True, "R3": True, "R2": False, "L1": False, "L2": False, "A1": False, "M1": True, "X9": False}
    for account in accounts:
        server = account.pop("server")
        expected = has[server["name"]]
        assert [server[f"has{name}"] for name in ("OpenPositions", "ClosedTrades", "DailyReports")] == [expected] * 3
        assert [value is not None for value in account.values()] == [expected] * 3


def test_a_page_of_clients_costs_one_call_a_server_and_list(graph, well_behaved):
    account = f"server {{ name }} {LISTS}"
    query = f"{{ clients(first: 200) {{ nodes {{ tradingAccounts(first: 5) {{ nodes {{ {account} }} }} }} }} }}"

    body = graph.ask(query, explain=True)

    accounts = [one for client in body["data"]["clients"]["nodes"] for one in client["tradingAccounts"]["nodes"]]
    servers = Counter(account["server"]["name"] for account in accounts)
    assert servers["R1"] > 20
    assert servers["R3"] > 20
    asked = called(well_behaved)
    # All trades of a server may still be shared with the test before.
    assert asked.pop("TradesGet", 0) <= 2
    assert asked == {"ReportsRequest": 2, "DailyReportsRequest": 2}
    direct = {path: n for path, n in well_behaved.calls("mt5_web")["by_path"].items() if "get_batch" in path}
    # Some positions were opened before the window, so that earlier deals are read, too.
    assert 1 <= direct.pop("/api/deal/get_batch") <= 3
    assert direct == {"/api/position/get_batch": 1, "/api/daily/get_batch": 1}
    plan = body["extensions"]["plan"]
    for system in ("CPLUGIN", "MT5_WEB"):
        assert plan["actual"][system]["calls"] <= plan["predicted"][system]["calls"]
        assert plan["actual"][system]["keys"] <= plan["predicted"][system]["keys"]


def test_a_failed_read_is_one_error_of_its_field(graph, well_behaved):
    fault = {"fault": "business_error", "code": "NoConnect", "path": "DailyReportsRequest"}
    well_behaved.tell("cplugin", "/misbehave", fault)

    body = graph.ask(ACCOUNT % LISTS, {"l": "61436"})

    assert body["data"]["tradingAccount"]["dailyReports"] is None
    assert body["data"]["tradingAccount"]["openPositions"]
    [error] = body["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["tradingAccount", "dailyReports"], "UPSTREAM_UNAVAILABLE")


async def test_a_login_that_the_server_does_not_know_is_an_error(graph, database):
    copied = """INSERT INTO hyper.tpm_account_status (data_source, account_login, client_number, platform, status)
        VALUES ('R1', '61437', 500608, 'MT4', 3)"""
    await database.execute(copied)
    try:
        body = graph.ask(ACCOUNT % "openPositions { ticket }", {"l": "61437"})
    finally:
        await database.execute("DELETE FROM hyper.tpm_account_status WHERE account_login = '61437'")

    assert body["data"] == {"tradingAccount": {"openPositions": None}}
    assert [error["extensions"]["code"] for error in body["errors"]] == ["NOT_FOUND"]


def test_two_windows_in_one_operation_are_apart(graph):
    query = f"a: closedTrades({MONTH}) {{ nodes {{ ticket }} }} b: closedTrades({YEAR}) {{ nodes {{ ticket }} }}"

    found = of_account(graph, query)

    assert [len(found[name]["nodes"]) for name in "ab"] == [1, 3]
