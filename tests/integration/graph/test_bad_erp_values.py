"""One bad value of the ERP costs one value, with PostgreSQL's rendering, with the engine and with graphql-core."""

from functools import partial
from itertools import product

import anyio
import asyncpg
import pytest
from support.graphs import running_graph
from support.views import create_erp

ROWS = """
SET search_path = brokergraph_erp;
INSERT INTO accounting_currency VALUES ('ILS');
INSERT INTO client SELECT n, 'Client ' || n, 'c' || n || '@example.com', 1, 4, 'Approved', true, NULL
    FROM generate_series(1, 50) n;
INSERT INTO client VALUES (60, 'ΝΙΚΟΣ ΠΑΠΑΣ', 'ΝΙΚΟΣ.ΠΑΠΑΣ@EXAMPLE.GR', 2, 4, NULL, true, NULL),
    (61, 'İSTANBUL ẞ', 'İ@example.tr', 2, 4, NULL, true, NULL);
INSERT INTO web_status SELECT n, 2, 'Approved' FROM generate_series(1, 50) n;
INSERT INTO trading_account SELECT 'R1', (1000 * n + k)::text, n, 'MT4', 3, 'g', 'USD', 12.5, 13, 0,
    '2026-01-31 12:00:00+00' FROM generate_series(1, 50) n, generate_series(1, 2) k;
INSERT INTO currency_balance SELECT n, c, 10, 5, 30 FROM generate_series(1, 50) n, unnest(ARRAY['EUR', 'USD']) c;
UPDATE client SET search = to_tsvector('simple', full_name) || array_to_tsvector(ARRAY[lower(email)]);
"""
WAYS = {
    "rendered": {"SERVER__EXECUTOR": "engine", "SERVER__HOT_AFTER": "0"},
    "engine": {"SERVER__EXECUTOR": "engine", "SERVER__HOT_AFTER": "1000000"},
    "graphql-core": {"SERVER__EXECUTOR": "graphql-core"},
}
PAGE = """{ clients(first: 50, filter: { agency: [1] }) { nodes { clientNumber fullName standing erpStatus { code text }
    webStatus { code rawCode canTransact }
    balances { currency balance cash held rate value { amount currency } } totalFloatingBalance { amount currency }
    tradingAccounts { nodes { login status platform balance equity margin syncedAt currency } } } } }"""
CODE = "UPSTREAM_MISUNDERSTOOD"
BAD = 7
ACCOUNT = f"trading_account SET {{}} WHERE login = '{BAD}001'"
BALANCE = f"currency_balance SET {{}} WHERE client_number = {BAD} AND currency = 'EUR'"
TIMES = ["'20000-01-01'", "'0044-03-15 BC'", "'infinity'", "'-infinity'"]
NUMBERS = ["'NaN'", "'Infinity'", "'-Infinity'"]
NODE = ("tradingAccounts", "nodes", 0)
EUR = ("balances", 0)


@pytest.fixture(scope="module")
def erp(box):
    return anyio.run(partial(create_erp, box, "bad_erp", ROWS, optional=True))


@pytest.fixture(scope="module", params=WAYS)
def graph(request, box, erp):
    settings = {
        "ERP__DATABASE_URL": erp,
        "STATE__DATABASE_URL": box.graph_database_url,
        "RECONCILIATION__ENABLED": "false",
        "BUDGET__STORE": "off",
    }
    with running_graph(box, **settings, **WAYS[request.param]) as running:
        yield running


@pytest.fixture
def changed(erp):
    """Run an UPDATE of the ERP, and undo it after the test."""

    async def run(statements):
        connection = await asyncpg.connect(erp)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    yield lambda what: anyio.run(run, [f"UPDATE brokergraph_erp.{what}"])
    tables = ("client", "web_status", "trading_account", "currency_balance", "accounting_currency")
    truncate = "TRUNCATE " + ", ".join(f"brokergraph_erp.{table}" for table in tables)
    anyio.run(run, [truncate, ROWS])


def at(data, path):
    for step in path:
        data = data[step]
    return data


CASES = [
    *((ACCOUNT.format(f"synced_at = {time}"), (*NODE, "syncedAt"), "trading_account.synced_at") for time in TIMES),
    *(
        (ACCOUNT.format(f"{column} = {number}"), (*NODE, column), f"trading_account.{column}")
        for column, number in product(("balance", "equity", "margin"), NUMBERS)
    ),
    *((BALANCE.format(f"value = {number}"), (*EUR, "value"), "currency_balance.value") for number in NUMBERS),
]


def without_errors(graph):
    body = graph.ask(PAGE)
    assert "errors" not in body
    return body["data"]["clients"]["nodes"]


@pytest.mark.parametrize(
    "update,place,column", CASES, ids=[f"{case[2]} {case[0].split(' = ')[1][:12]}" for case in CASES]
)
def test_v1_v6_a_value_that_cannot_be_is_null_with_an_error_of_its_own(graph, changed, update, place, column):
    before = without_errors(graph)
    written = len(graph.written())
    changed(update)

    body = graph.ask(PAGE)

    nodes = body["data"]["clients"]["nodes"]
    number = next(index for index, node in enumerate(nodes) if node["clientNumber"] == BAD)
    assert [*nodes[:number], *nodes[number + 1 :]] == [*before[:number], *before[number + 1 :]]
    assert at(nodes[number], place) is None
    assert {error["extensions"]["code"] for error in body["errors"]} == {CODE}
    assert {error["extensions"]["system"] for error in body["errors"]} == {"ERP_DATABASE"}
    paths = [error["path"][3:] for error in body["errors"]]
    assert any(path[: len(place)] == list(place) for path in paths)
    assert all(error["path"][:3] == ["clients", "nodes", number] for error in body["errors"])
    log = graph.written()[written:]
    view, name = column.split(".")
    assert f'"view":"{view}","column":"{name}"' in log.replace(" ", "") or (
        f"view={view}" in log and f"column={name}" in log
    )


NULLS = [
    (BALANCE.format("balance = NULL"), ("balances",)),
    (BALANCE.format("cash = NULL"), ("balances",)),
    (BALANCE.format("currency = NULL"), ("balances",)),
    (f"web_status SET web_status = NULL WHERE client_number = {BAD}", ("webStatus",)),
    (BALANCE.format("balance = 'NaN'"), ("balances",)),
    (BALANCE.format("balance = 'Infinity'"), ("balances",)),
]


@pytest.mark.parametrize("update,place", NULLS, ids=lambda value: value if isinstance(value, str) else "")
def test_v6_a_null_that_the_view_does_not_promise_costs_no_neighbour(graph, changed, update, place):
    before = without_errors(graph)
    written = len(graph.written())
    changed(update)

    body = graph.ask(PAGE)

    nodes = body["data"]["clients"]["nodes"]
    number = next(index for index, node in enumerate(nodes) if node["clientNumber"] == BAD)
    assert nodes[:number] + nodes[number + 1 :] == before[:number] + before[number + 1 :]
    assert at(nodes[number], place) is None
    assert nodes[number]["tradingAccounts"] == before[number]["tradingAccounts"]
    view, column = update.split(" ")[0], update.split(" ")[2]
    lines = [line for line in graph.written()[written:].splitlines() if "erp.bad_value" in line]
    assert [f'"view":"{view}","column":"{column}"' in line.replace(" ", "") for line in lines]
    assert {error["extensions"]["code"] for error in body["errors"]} == {CODE}


def test_v6_a_number_of_a_thousand_digits_is_shown_exactly(graph, changed):
    large = "1" * 1000
    changed(BALANCE.format(f"balance = {large}, cash = 1"))

    body = graph.ask(
        "{ clients(first: 50) { nodes { balances { balance held rate } totalFloatingBalance { amount } } } }"
    )

    assert "errors" not in body
    balances = [one for node in body["data"]["clients"]["nodes"] for one in node["balances"]]
    assert f"{large}.00" in {one["balance"] for one in balances}
    assert f"{large[:-1]}0.00" in {one["held"] for one in balances}


def test_v6_a_rate_of_an_infinite_balance_is_never_zero(graph, changed):
    changed(BALANCE.format("balance = 'Infinity'"))

    body = graph.ask("{ clients(first: 50) { nodes { clientNumber balances { rate } } } }")

    rates = [one["rate"] for node in body["data"]["clients"]["nodes"] for one in node["balances"] or []]
    assert set(rates) == {None, "3.00000000"}
    assert [error["path"][-1] for error in body["errors"]] == ["rate"]


def test_v6_an_account_without_a_login_costs_itself_alone(graph, changed):
    before = without_errors(graph)
    changed(ACCOUNT.format("login = NULL"))

    body = graph.ask(PAGE.replace("{ login", "{ id login live { balance }"))

    nodes = body["data"]["clients"]["nodes"]
    logins = [account["login"] for node in nodes for account in node["tradingAccounts"]["nodes"]]
    assert logins == [
        account["login"]
        for node in before
        for account in node["tradingAccounts"]["nodes"]
        if account["login"] != f"{BAD}001"
    ]
    assert "INTERNAL_ERROR" not in {error["extensions"]["code"] for error in body.get("errors", [])}


def test_v6_the_error_and_the_log_have_no_personal_datum(graph, changed):
    written = len(graph.written())
    changed(ACCOUNT.format("balance = 'NaN'"))

    [error] = graph.ask(PAGE)["errors"]

    assert error["message"] == "The ERP's database has a value here that cannot be read."
    [line] = [one for one in graph.written()[written:].splitlines() if "erp.bad_value" in one]
    assert f"{BAD}001" not in line


def test_v1_a_shared_look_up_of_many_callers_is_unharmed(graph, changed):
    changed(ACCOUNT.format("synced_at = '20000-01-01'"))
    one = """query ($login: String!) { tradingAccount(by: { account: { server: "R1", login: $login } }) {
        login balance syncedAt } }"""
    bodies = []

    async def ask_all():
        async with anyio.create_task_group() as group:
            for number in range(1, 31):
                group.start_soon(ask_one, f"{number}001")

    async def ask_one(login):
        bodies.append(await anyio.to_thread.run_sync(graph.ask, one, {"login": login}))

    anyio.run(ask_all)

    bad = [body for body in bodies if "errors" in body]
    assert [body["data"]["tradingAccount"] for body in bad] == [
        {"login": f"{BAD}001", "balance": "12.50", "syncedAt": None}
    ]
    assert [error["path"] for body in bad for error in body["errors"]] == [["tradingAccount", "syncedAt"]]
    assert len(bodies) == 30


SEARCH = """query ($text: String!) { clients(filter: { search: $text }) { totalCount nodes { clientNumber } } }"""


@pytest.mark.parametrize(
    "text,number",
    [
        ("ΝΙΚΟΣ ΠΑΠΑΣ", 60),
        ("ΝΙΚΟΣ", 60),
        ("νικοσ παπα", 60),
        ("ΝΙΚΟΣ.ΠΑΠΑΣ@EXAMPLE.GR", 60),
        ("İSTANBUL ẞ", 61),
        ("İ@example.tr", 61),
        ("client 50", 50),
        ("C50@EXAMPLE.COM", 50),
    ],
)
def test_v7_a_client_is_found_by_exactly_its_own_name(graph, text, number):
    assert graph.data(SEARCH, {"text": text})["clients"] == {"totalCount": 1, "nodes": [{"clientNumber": number}]}
