"""`Query.tradingAccounts`: every order over nulls and ties, both ways, while rows change, and for each caller."""

from itertools import product

import anyio
import asyncpg
import pytest
from support.graphs import running_graph
from support.views import create_erp

# Two agencies, two currencies, few different figures, nulls, and values that the graph cannot show.
ROWS = """
SET search_path = brokergraph_erp;
INSERT INTO accounting_currency VALUES ('ILS');
INSERT INTO client SELECT n, 'Client ' || n, 'c' || n || '@example.com', n % 2, 4, 'Approved', true, NULL
    FROM generate_series(1, 30) n;
INSERT INTO trading_account SELECT 'R' || n % 3, (100 * n + k)::text, n, 'MT4', k, 'g' || k, (ARRAY['USD', 'EUR'])[k],
    CASE WHEN n % 7 > 0 THEN n % 4 - 1.5 END, CASE WHEN n % 5 > 0 THEN n % 3 END, 0,
    CASE WHEN n % 6 > 0 THEN timestamptz '2026-01-31 12:00:00.123456+00' + n % 3 * interval '1 microsecond' END
    FROM generate_series(1, 30) n, generate_series(1, 2) k;
INSERT INTO trading_account VALUES
    ('R1', 'nan', 1, 'MT4', 3, 'g', 'USD', 'NaN', 'Infinity', 0, 'infinity'),
    ('R2', 'ended', 999, 'MT4', 3, 'g', 'USD', 1, 1, 0, now());
"""
WAYS = {
    "engine": {"SERVER__EXECUTOR": "engine", "SERVER__HOT_AFTER": "0"},
    "graphql-core": {"SERVER__EXECUTOR": "graphql-core"},
}
PAGE = """query ($first: Int, $after: String, $last: Int, $before: String, $filter: TradingAccountFilter,
    $order: TradingAccountOrder) {
  tradingAccounts(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $order) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { login } } } }"""
# Without the cursors of edges a page is rendered in every order.
NODES = PAGE.replace("edges { cursor node { login } }", "nodes { login }")
ORDERS = [*product(("SERVER_AND_LOGIN", "BALANCE", "EQUITY", "SYNCED_AT"), ("ASC", "DESC"))]
COLUMNS = {"SERVER_AND_LOGIN": "NULL::int", "BALANCE": "balance", "EQUITY": "equity", "SYNCED_AT": "synced_at"}
USD = {"currencies": ["USD"]}


@pytest.fixture(scope="module")
def erp(box):
    return anyio.run(create_erp, box, "account_list_erp", ROWS)


@pytest.fixture(scope="module", params=WAYS)
def graph(request, box, erp):
    settings = {
        "ERP__DATABASE_URL": erp,
        "STATE__DATABASE_URL": box.graph_database_url,
        "RECONCILIATION__ENABLED": "false",
        "BUDGET__STORE": "off",
        "SERVER__METRICS": "everyone",
    }
    with running_graph(box, **settings, **WAYS[request.param]) as running:
        yield running


@pytest.fixture
def erp_rows(erp):
    """Runs a statement in the ERP and returns the first column of its rows."""

    def run(statement):
        async def ask():
            connection = await asyncpg.connect(erp)
            try:
                return [row[0] for row in await connection.fetch(statement)]
            finally:
                await connection.close()

        return anyio.run(ask)

    return run


def page_of(graph, key="demo-operator", document=PAGE, **variables):
    body = graph.ask(document, variables, key)
    return body["data"]["tradingAccounts"]


def logins(page):
    return [node["login"] for node in page.get("nodes") or [edge["node"] for edge in page.get("edges", ())]]


def walk(graph, size, *, backward=False, change=lambda: None, **variables):
    """The logins of all pages, in the order of the list, and the number of pages."""
    seen, pages, end = [], 0, None
    while pages == 0 or end is not None:
        if pages == 2:
            change()
        bounds = {"last": size, "before": end} if backward else {"first": size, "after": end}
        page = page_of(graph, document=PAGE if pages % 2 else NODES, **variables, **bounds)
        seen = logins(page) + seen if backward else seen + logins(page)
        more, cursor = ("hasPreviousPage", "startCursor") if backward else ("hasNextPage", "endCursor")
        end = page["pageInfo"][cursor] if page["pageInfo"][more] else None
        pages += 1
    return seen, pages


def statements(graph):
    lines = graph.client.get(f"{graph.url}/metrics").text.splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith('brokergraph_upstream_calls_total{upstream="ERP')
    )


def expected(erp_rows, field, direction):
    way = f"{COLUMNS[field]} {direction} NULLS LAST, server {direction}, login {direction}"
    return erp_rows(
        "SELECT login FROM brokergraph_erp.trading_account JOIN brokergraph_erp.client USING (client_number)"
        f" WHERE currency = 'USD' ORDER BY {way}"
    )


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("field, direction", ORDERS)
def test_pages_of_every_order_have_each_account_once(graph, erp_rows, field, direction, backward):
    wanted = expected(erp_rows, field, direction)

    for size in (1, 4, 200):
        order = {"field": field, "direction": direction}
        seen, pages = walk(graph, size, backward=backward, filter=USD, order=order)

        assert seen == wanted
        assert pages == -(-len(wanted) // size)


@pytest.mark.parametrize("field, direction", ORDERS)
def test_a_page_between_two_cursors_has_what_is_between_them(graph, erp_rows, field, direction):
    order, wanted = {"field": field, "direction": direction}, expected(erp_rows, field, direction)
    edges = page_of(graph, first=200, filter=USD, order=order)["edges"]

    for start, end in ((0, 5), (3, 25), (20, 30), (28, 30)):
        bounds = {"after": edges[start]["cursor"], "before": edges[end]["cursor"]}
        for size in ("first", "last"):
            assert logins(page_of(graph, **{size: 200}, **bounds, filter=USD, order=order)) == wanted[start + 1 : end]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_rows_that_change_between_pages_move_no_other_row(graph, erp_rows, direction):
    """The row of the cursor goes to the other end, one row becomes null, one goes and one comes."""
    order = {"field": "BALANCE", "direction": direction}
    wanted = expected(erp_rows, "BALANCE", direction)
    moved, emptied, gone = wanted[7], wanted[9], wanted[11]
    table = "brokergraph_erp.trading_account"
    before = erp_rows(f"SELECT row_to_json(a)::text FROM {table} a WHERE login IN ('{moved}', '{emptied}', '{gone}')")

    def change():
        erp_rows(f"UPDATE {table} SET balance = {'-1e6' if direction == 'ASC' else '1e6'} WHERE login = '{moved}'")
        erp_rows(f"UPDATE {table} SET balance = NULL WHERE login = '{emptied}'")
        erp_rows(f"DELETE FROM {table} WHERE login = '{gone}'")
        erp_rows(f"INSERT INTO {table} VALUES ('R1', 'new', 2, 'MT4', 3, 'g', 'USD', 0, 0, 0, NULL)")

    try:
        seen, _ = walk(graph, 4, filter=USD, order=order, change=change)
    finally:
        erp_rows(f"DELETE FROM {table} WHERE login IN ('new', '{moved}', '{emptied}', '{gone}')")
        for row in before:
            erp_rows(f"INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, '{row}')")

    touched = {moved, emptied, gone, "new"}
    assert [login for login in seen if login not in touched] == [login for login in wanted if login not in touched]
    assert seen.count(moved) == 1
    assert seen.count(emptied) == 1


@pytest.mark.parametrize("field, direction", ORDERS)
def test_a_page_in_every_order_is_rendered(request, graph, field, direction):
    query = """query ($order: TradingAccountOrder, $filter: TradingAccountFilter) {
        tradingAccounts(last: 7, orderBy: $order, filter: $filter) { pageInfo { startCursor hasPreviousPage } nodes {
          login balance syncedAt client { clientNumber fullName webStatus { code } balances { currency } } } } }"""
    is_rendered = request.node.callspec.params["graph"] == "engine"
    order = {"field": field, "direction": direction}
    # Without the figures that the graph cannot show.
    asked = {"order": order, "filter": USD | {"statuses": ["CLOSED"]}}
    wanted = logins(page_of(graph, last=7, **asked))

    before = statements(graph)
    page = graph.data(query, asked)["tradingAccounts"]

    assert logins(page) == wanted
    assert len(wanted) == 7
    assert statements(graph) - before == (1 if is_rendered else 4)


def test_the_total_is_counted_only_when_asked(graph):
    body = graph.ask(PAGE, {"filter": USD, "first": 2}, explain=True)
    uncounted = graph.ask("{ tradingAccounts { nodes { login client { fullName } } } }", explain=True)

    assert body["data"]["tradingAccounts"]["totalCount"] == 31
    assert body["extensions"]["plan"]["actual"]["ERP_DATABASE"]["calls"] == 2
    assert body["extensions"]["plan"]["predicted"]["ERP_DATABASE"]["calls"] == 2
    # The accounts, and their clients.
    assert uncounted["extensions"]["plan"]["actual"]["ERP_DATABASE"]["calls"] == 2
    assert len(uncounted["data"]["tradingAccounts"]["nodes"]) == 50


def test_a_total_of_all_and_totals_of_clients_are_not_mixed(graph):
    body = graph.data(
        "{ tradingAccounts(first: 1) { totalCount } clients(first: 2) { nodes { tradingAccounts { totalCount } } } }"
    )

    assert body["tradingAccounts"]["totalCount"] == 61
    assert [client["tradingAccounts"]["totalCount"] for client in body["clients"]["nodes"]] == [3, 2]


@pytest.mark.parametrize("field, direction", ORDERS)
def test_a_caller_of_one_agency_sees_this_agency(graph, erp_rows, field, direction):
    mine = set(
        erp_rows(
            "SELECT login FROM brokergraph_erp.trading_account JOIN brokergraph_erp.client USING (client_number)"
            " WHERE agency = 1 AND currency = 'USD'"
        )
    )
    order = {"field": field, "direction": direction}

    seen, _ = walk(graph, 5, key="demo-partner", filter=USD, order=order)
    page = page_of(graph, "demo-partner", first=1, filter=USD | {"agency": [0, 1]}, order=order)

    assert len(seen) == len(mine)
    assert set(seen) == mine
    assert page["totalCount"] == len(mine)


@pytest.mark.parametrize(
    "asked, condition",
    [
        ({"platforms": ["MT4"], "servers": ["R1"]}, "server = 'R1'"),
        ({"statuses": ["CLOSED"]}, "status = 1"),
        ({"groups": ["g1", "g"]}, "group_name IN ('g', 'g1')"),
        ({"groups": []}, "false"),
        ({"currencies": ["EUR", "USD"]}, "currency IN ('USD', 'EUR')"),
        ({"agency": [0]}, "agency = 0"),
        ({"currencies": ["USD"], "balanceFrom": "0.5"}, "currency = 'USD' AND balance >= 0.5"),
        ({"currencies": ["USD"], "balanceTo": "-0.5"}, "currency = 'USD' AND balance <= -0.5"),
        (
            {"currencies": ["USD"], "balanceFrom": "-1", "balanceTo": "0.5"},
            "currency = 'USD' AND balance BETWEEN -1 AND 0.5",
        ),
    ],
)
def test_conditions_select_accounts(graph, erp_rows, asked, condition):
    of_client = """query ($filter: TradingAccountFilter) { clients(first: 200) { nodes {
        tradingAccounts(filter: $filter) { totalCount nodes { login } } } } }"""
    wanted = set(
        erp_rows(
            "SELECT login FROM brokergraph_erp.trading_account JOIN brokergraph_erp.client USING (client_number)"
            f" WHERE {condition}"
        )
    )

    page = page_of(graph, first=200, filter=asked)
    clients = graph.data(of_client, {"filter": asked})["clients"]["nodes"]

    assert set(logins(page)) == wanted
    assert page["totalCount"] == len(wanted)
    assert {one["login"] for client in clients for one in client["tradingAccounts"]["nodes"]} == wanted
    assert sum(client["tradingAccounts"]["totalCount"] for client in clients) == len(wanted)


@pytest.mark.parametrize("asked", [{}, {"currencies": []}, {"currencies": ["USD", "EUR"]}])
@pytest.mark.parametrize("name", ["balanceFrom", "balanceTo", "BALANCE", "EQUITY"])
def test_amounts_of_several_currencies_are_not_compared(graph, asked, name):
    is_order = name.isupper()
    variables = {"order": {"field": name, "direction": "ASC"}} if is_order else {}
    body = graph.ask(PAGE, variables | {"filter": asked if is_order else asked | {name: "1"}})

    [error] = body["errors"]
    assert error["path"] == ["tradingAccounts"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert name in error["message"]
    assert "exactly one currency" in error["message"]


@pytest.mark.parametrize("variables", [
    {"filter": USD | {"balanceFrom": "1"}},
    {"filter": USD | {"balanceTo": "1"}},
    {"filter": USD, "order": {"field": "BALANCE", "direction": "ASC"}},
    {"filter": USD, "order": {"field": "EQUITY", "direction": "DESC"}},
])  # fmt: skip
def test_a_caller_without_figures_cannot_compare_them(graph, variables):
    body = graph.ask(PAGE, variables, "demo-reader")

    assert body["data"] == {"tradingAccounts": None}
    assert [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"]


def test_a_filter_below_a_client_compares_within_one_currency_too(graph):
    query = "{ clients(first: 2) { nodes { tradingAccounts(filter: { %s }) { nodes { login } } } } }"

    refused = graph.ask(query % 'balanceFrom: "1"')
    forbidden = graph.ask(query % 'currencies: [USD], balanceFrom: "1"', key="demo-reader")

    assert {error["extensions"]["code"] for error in refused["errors"]} == {"BAD_USER_INPUT"}
    assert {error["extensions"]["code"] for error in forbidden["errors"]} == {"FORBIDDEN"}


def test_a_cursor_belongs_to_its_order(graph):
    cursor = page_of(graph, first=1)["pageInfo"]["endCursor"]
    by_balance = page_of(graph, first=1, filter=USD, order={"field": "BALANCE", "direction": "ASC"})["pageInfo"]

    for after, field in ((cursor, "BALANCE"), (by_balance["endCursor"], "EQUITY"), (by_balance["endCursor"], None)):
        order = field and {"field": field, "direction": "ASC"}
        [error] = graph.ask(PAGE, {"after": after, "filter": USD, "order": order})["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
