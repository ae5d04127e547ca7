"""What each trading server's vendor declares is what the graph says of it, shows and books."""

from decimal import Decimal

import pytest
from support.mutations import deposit

from sandbox.settings import SERVERS
from upstreams.vendors.registry import vendor_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

ACCOUNT = """
    SELECT a.login, a.currency, a.group_name FROM platform.account a
    JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
    JOIN brokergraph_erp.client c ON c.client_number = t.client_number
    WHERE a.server = $1 AND c.identity_locked AND c.erp_status IN (4, 5) AND a.enabled AND NOT a.read_only
    ORDER BY a.login LIMIT 1
"""
LIVE = "query ($by: TradingAccountBy!) { tradingAccount(by: $by) { live { system group } } }"
WITHOUT = LIVE.replace("{ live", "{ login server { hasLiveFigures } live")
SERVER = """{ tradingServers { name system hasLiveFigures canDeposit canWithdraw canCreateAccounts
    hasOpenPositions hasClosedTrades hasDailyReports } }"""


def declared(server):
    return vendor_of(server.face).servers.platforms[server.platform]


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
async def test_a_server_says_what_its_vendor_declares(graph, server):
    [said] = [one for one in graph.data(SERVER)["tradingServers"] if one["name"] == server.name]

    assert said == {
        "name": server.name,
        "system": vendor_of(server.face).system,
        "hasLiveFigures": "live" in declared(server),
        "canDeposit": "deposits" in declared(server) and server.deposits,
        "canWithdraw": "withdrawals" in declared(server) and server.withdrawals,
        "canCreateAccounts": "accounts" in declared(server),
        "hasOpenPositions": "open_positions" in declared(server),
        "hasClosedTrades": "closed_trades" in declared(server),
        "hasDailyReports": "daily_reports" in declared(server),
    }


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
@pytest.mark.applies_to(lambda server: "live" in declared(server))
async def test_a_server_with_live_figures_shows_them(graph, database, server):
    row = await database.fetchrow(ACCOUNT, server.name)
    by = {"account": {"server": server.name, "login": str(row["login"])}}

    live = graph.data(LIVE, {"by": by})["tradingAccount"]["live"]

    assert live == {"system": vendor_of(server.face).system, "group": row["group_name"]}


@pytest.mark.parametrize("server", [server.name for server in SERVERS if "live" not in declared(server)] + ["X9"])
async def test_a_server_without_live_figures_has_null_and_no_error(graph, database, server):
    of_server = "SELECT login FROM brokergraph_erp.trading_account WHERE server = $1 LIMIT 1"
    row = await database.fetchrow(of_server, server)

    body = graph.ask(WITHOUT, {"by": {"account": {"server": server, "login": row["login"]}}})

    account = {"login": row["login"], "server": {"hasLiveFigures": False}, "live": None}
    assert body == {"data": {"tradingAccount": account}}


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
@pytest.mark.applies_to(lambda server: "deposits" in declared(server))
async def test_a_server_with_deposits_books_one(graph, database, server):
    row = await database.fetchrow(ACCOUNT, server.name)
    amount = "SELECT coalesce(sum(amount), 0) FROM platform.deal WHERE server = $1 AND login = $2"
    before = await database.fetchval(amount, server.name, row["login"])

    payload = deposit(graph, server.name, str(row["login"]), "3.21", row["currency"])

    assert payload["__typename"] == "DepositConfirmed"
    assert await database.fetchval(amount, server.name, row["login"]) - before == Decimal("3.21")
