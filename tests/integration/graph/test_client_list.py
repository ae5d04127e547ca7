"""`Query.clients` in its orders, and searches: by words of names, e-mails and phone numbers, and by hostile texts."""

import json
import re
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import anyio
import asyncpg
import pytest
from support.graphs import running_graph
from support.views import create_erp

from upstreams.erp.list_statements import (
    ACCOUNT_ORDERS,
    CLIENT_ORDERS,
    Variant,
    page_statement,
)

DOCUMENT = (Path(__file__).parents[3] / "docs" / "erp-views.md").read_text(encoding="utf-8")
# Equal names, names without a value, and names in which PostgreSQL's parser finds several words.
ROWS = """
SET search_path = brokergraph_erp;
INSERT INTO accounting_currency VALUES ('ILS');
INSERT INTO client SELECT n, CASE WHEN n % 5 > 0 THEN 'Client ' || n % 4 END, 'c' || n || '@example.com', n % 2, 4,
    'Approved', true, NULL, '9725' || lpad(n::text, 7, '0'), timestamptz '2026-01-01 00:00+00' + n * interval '1 day'
    FROM generate_series(1, 30) n;
INSERT INTO client VALUES
    (101, 'Noa Ben-David', 'noa.ben-david@example.com', 1, 4, NULL, true, NULL, '97250123456', NULL),
    (102, 'Benjamin O''Neil', 'o''neil+x@example.com', 1, 4, NULL, true, NULL, NULL, NULL),
    (103, 'Łukasz Dvořák', 'LD@EXAMPLE.ORG', 2, 4, NULL, true, NULL, '', NULL),
    (104, 'נועה כהן', NULL, 2, 4, NULL, true, NULL, NULL, NULL),
    (105, 'back\\slash "quoted"', '', 2, 4, NULL, true, NULL, NULL, NULL);
INSERT INTO trading_account VALUES ('R1', '777001', 101, 'MT4', 3, 'g', 'USD', 1, 1, 0, NULL),
    ('R2', '777001', 102, 'MT4', 3, 'g', 'USD', 1, 1, 0, NULL), ('R2', 'abc', 103, 'MT4', 3, 'g', 'USD', 1, 1, 0, NULL);
UPDATE client SET search = to_tsvector('simple', coalesce(full_name, ''))
    || array_to_tsvector(array_remove(ARRAY[nullif(lower(email), ''), nullif(phone, '')], NULL));
"""
WAYS = {
    "rendered": {"SERVER__EXECUTOR": "engine", "SERVER__HOT_AFTER": "0"},
    "engine": {"SERVER__EXECUTOR": "engine", "SERVER__HOT_AFTER": "1000000"},
    "graphql-core": {"SERVER__EXECUTOR": "graphql-core"},
}
PAGE = """query ($first: Int, $after: String, $last: Int, $before: String, $filter: ClientFilter, $order: ClientOrder) {
  clients(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $order) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { clientNumber fullName } } } }"""
# Without the cursors of edges a page is rendered in every order.
NODES = PAGE.replace("edges { cursor node { clientNumber fullName } }", "nodes { clientNumber fullName }")
SEARCH = """query ($text: String!) { clients(filter: { search: $text }) { totalCount nodes { clientNumber } }
    tradingAccounts(filter: { search: $text }) { totalCount nodes { login client { clientNumber } } } }"""
ORDERS = {
    (field, direction): f"{column} {direction} NULLS LAST, client_number {direction}"
    for (field, column), direction in product(
        (("CLIENT_NUMBER", "NULL::int"), ("FULL_NAME", "full_name")), ("ASC", "DESC")
    )
}


@pytest.fixture(scope="module")
def erp(box):
    return anyio.run(partial(create_erp, box, "client_list_erp", ROWS, optional=True))


@pytest.fixture(scope="module")
def plain_erp(box):
    """An ERP without the optional columns."""
    rows = "INSERT INTO brokergraph_erp.client VALUES (1, 'Ann', 'a@example.com', 1, 4, NULL, true, NULL)"
    return anyio.run(create_erp, box, "plain_list_erp", rows)


def serving(box, erp, way):
    settings = {
        "STATE__DATABASE_URL": box.graph_database_url,
        "RECONCILIATION__ENABLED": "false",
        "BUDGET__STORE": "off",
        "SERVER__METRICS": "everyone",
    }
    return running_graph(box, ERP__DATABASE_URL=erp, **settings, **WAYS[way])


@pytest.fixture(scope="module", params=WAYS)
def graph(request, box, erp):
    with serving(box, erp, request.param) as running:
        yield running


@pytest.fixture(scope="module", params=["rendered", "graphql-core"])
def plain(request, box, plain_erp):
    with serving(box, plain_erp, request.param) as running:
        yield running


def run_in(url, statement):
    async def ask():
        connection = await asyncpg.connect(url)
        try:
            return [row[0] for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return anyio.run(ask)


def numbers(page):
    nodes = page["nodes"] if "nodes" in page else [edge["node"] for edge in page["edges"]]
    return [node["clientNumber"] for node in nodes]


def statements(graph):
    lines = graph.client.get(f"{graph.url}/metrics").text.splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith('brokergraph_upstream_calls_total{upstream="ERP')
    )


def walk(graph, size, *, backward=False, key="demo-operator", change=lambda: None, **variables):
    seen, pages, end = [], 0, None
    while pages == 0 or end is not None:
        if pages == 2:
            change()
        bounds = {"last": size, "before": end} if backward else {"first": size, "after": end}
        page = graph.data(PAGE if pages % 2 else NODES, variables | bounds, key)["clients"]
        seen = numbers(page) + seen if backward else seen + numbers(page)
        more, cursor = ("hasPreviousPage", "startCursor") if backward else ("hasNextPage", "endCursor")
        end = page["pageInfo"][cursor] if page["pageInfo"][more] else None
        pages += 1
    return seen


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("field, direction", ORDERS)
def test_pages_of_every_order_have_each_client_once(graph, erp, field, direction, backward):
    wanted = run_in(erp, f"SELECT client_number FROM brokergraph_erp.client ORDER BY {ORDERS[field, direction]}")
    order = {"field": field, "direction": direction}

    for size in (1, 4, 200):
        assert walk(graph, size, backward=backward, order=order) == wanted


@pytest.mark.parametrize("field, direction", ORDERS)
def test_a_page_between_two_cursors_has_what_is_between_them(graph, field, direction):
    order = {"field": field, "direction": direction}
    edges = graph.data(PAGE, {"first": 200, "order": order})["clients"]["edges"]
    wanted = [edge["node"]["clientNumber"] for edge in edges]

    for start, end in ((0, 5), (3, 33), (27, 34)):
        bounds = {"after": edges[start]["cursor"], "before": edges[end]["cursor"], "order": order}
        for size in ("first", "last"):
            page = graph.data(PAGE, {size: 200, **bounds})["clients"]
            assert numbers(page) == wanted[start + 1 : end]
            assert page["pageInfo"]["hasPreviousPage"] is page["pageInfo"]["hasNextPage"] is True


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_clients_that_change_between_pages_move_no_other_client(graph, erp, direction):
    order = {"field": "FULL_NAME", "direction": direction}
    wanted = walk(graph, 200, order=order)
    renamed, nameless = wanted[5], wanted[7]
    of = "SELECT full_name FROM brokergraph_erp.client WHERE client_number ="
    names = {number: run_in(erp, f"{of} {number}")[0] for number in (renamed, nameless)}
    first = "0" if direction == "ASC" else "zzz"

    def change():
        run_in(erp, f"UPDATE brokergraph_erp.client SET full_name = '{first}' WHERE client_number = {renamed}")
        run_in(erp, f"UPDATE brokergraph_erp.client SET full_name = NULL WHERE client_number = {nameless}")

    try:
        seen = walk(graph, 3, order=order, change=change)
    finally:
        for number, name in names.items():
            run_in(erp, f"UPDATE brokergraph_erp.client SET full_name = '{name}' WHERE client_number = {number}")

    touched = {renamed, nameless}
    assert [one for one in seen if one not in touched] == [one for one in wanted if one not in touched]
    assert seen.count(renamed) == 1


@pytest.mark.parametrize("field, direction", ORDERS)
def test_a_caller_of_one_agency_sees_this_agency(graph, erp, field, direction):
    wanted = run_in(
        erp, f"SELECT client_number FROM brokergraph_erp.client WHERE agency = 1 ORDER BY {ORDERS[field, direction]}"
    )

    assert walk(graph, 4, key="demo-partner", order={"field": field, "direction": direction}) == wanted


def test_a_page_in_an_order_costs_one_statement(graph):
    order = {"field": "FULL_NAME", "direction": "DESC"}
    plan = graph.ask(PAGE, {"order": order, "filter": {"search": "client"}}, explain=True)["extensions"]["plan"]

    # The page and the total.
    assert plan["actual"] == plan["predicted"] == {"ERP_DATABASE": {"calls": 2, "keys": 2}}


@pytest.mark.parametrize("field, direction", ORDERS)
@pytest.mark.parametrize("asked", [{}, {"search": "client", "agency": [1]}, {"phone": "9725"}])
def test_a_page_in_every_order_is_rendered(request, graph, field, direction, asked):
    query = """query ($order: ClientOrder, $filter: ClientFilter) { clients(last: 7, orderBy: $order, filter: $filter) {
        pageInfo { startCursor } nodes { clientNumber webStatus { code } balances { currency } } } }"""
    is_rendered = request.node.callspec.params["graph"] == "rendered"
    asked = {"order": {"field": field, "direction": direction}, "filter": asked}
    wanted = numbers(graph.data(PAGE, {"last": 7, **asked})["clients"])

    before = statements(graph)
    page = graph.data(query, asked)["clients"]

    assert numbers(page) == wanted
    assert len(wanted) == 7
    assert statements(graph) - before == (1 if is_rendered else 3)


@pytest.mark.parametrize(
    "text, found",
    [
        ("ben", [101, 102]),
        ("BEN-DAV", [101]),
        ("noa ben", [101]),
        ("david noa", [101]),
        ("oa", []),
        ("noa.ben-d", [101]),
        ("o'ne", [102]),
        ("o'neil+x@ex", [102]),
        ("ld@example", [103]),
        ("dvoř", [103]),
        ("ŁUK", [103]),
        ("נוע", [104]),
        ("972501", [101]),
        ("+972 (50) 123-4", [101]),
        ("0123456", []),
        ("777001", [101, 102]),
        ("77700", []),
        ("abc", [103]),
        ("101", [101]),
        ("back\\sl", [105]),
        ('"quo', [105]),
        ("c7@example.com", [7]),
    ],
)
def test_a_search_finds_numbers_logins_and_beginnings_of_words(graph, text, found):
    body = graph.data(SEARCH, {"text": text})

    assert [node["clientNumber"] for node in body["clients"]["nodes"]] == found
    assert body["clients"]["totalCount"] == len(found)
    logins = [(node["login"], node["client"]["clientNumber"]) for node in body["tradingAccounts"]["nodes"]]
    owned = {101: "777001", 102: "777001", 103: "abc"}
    assert logins == [(owned[number], number) for number in found if number in owned]
    assert body["tradingAccounts"]["totalCount"] == len(logins)


@pytest.mark.parametrize(
    "text",
    ["'", "''", "\\", "\\'", "':*", "a' | 'b", "!noa", "noa & !ben", "(", "noa:*", "<->", "a <-> b", "%", "_", "*", ":",
     "$1", "{words}", "{visible}", "--", "; DROP TABLE client", "\u2028", "🙂", "a\tb", "ß" * 200, "'" * 200,
     "\\" * 200],
)  # fmt: skip
def test_a_hostile_text_is_a_text(graph, text):
    body = graph.ask(SEARCH, {"text": text})

    assert "errors" not in body, body["errors"]
    assert body["data"]["clients"]["totalCount"] <= 35


@pytest.mark.parametrize("text", ["", "   ", "\t\n"])
def test_a_blank_search_is_none(graph, text):
    assert graph.data(SEARCH, {"text": text})["clients"]["totalCount"] == 35


@pytest.mark.parametrize(
    "text, message",
    [("x" * 201, "200 characters"), ("x" * 10_000, "200 characters"), ("a b c d e f g h i j k", "10 words")],
)
def test_a_search_that_is_too_long_is_refused(graph, text, message):
    errors = graph.ask(SEARCH, {"text": text})["errors"]

    assert {error["path"][0] for error in errors} == {"clients", "tradingAccounts"}
    assert {error["extensions"]["code"] for error in errors} == {"BAD_USER_INPUT"}
    assert all(message in error["message"] for error in errors)


@pytest.mark.parametrize(
    "asked, condition",
    [
        ({"phone": "97250"}, "phone LIKE '97250%'"),
        ({"phone": "+972-50 123"}, "phone LIKE '97250123%'"),
        ({"createdFrom": "2026-01-10T00:00:00Z"}, "created_at >= '2026-01-10 00:00+00'"),
        ({"createdTo": "2026-01-10T00:00:00Z", "agency": [1]}, "created_at < '2026-01-10 00:00+00' AND agency = 1"),
        ({"search": "client", "phone": "972500000", "createdFrom": "2026-01-05T00:00:00Z"},
         "full_name LIKE 'Client%' AND phone LIKE '972500000%' AND created_at >= '2026-01-05 00:00+00'"),
    ],
)  # fmt: skip
def test_conditions_on_optional_columns_select_clients(graph, erp, asked, condition):
    wanted = run_in(erp, f"SELECT client_number FROM brokergraph_erp.client WHERE {condition} ORDER BY client_number")

    page = graph.data(PAGE, {"first": 200, "filter": asked})["clients"]

    assert numbers(page) == wanted
    assert page["totalCount"] == len(wanted) > 0


def test_a_phone_without_digits_is_refused(graph):
    [error] = graph.ask(PAGE, {"filter": {"phone": "%"}})["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"


OF_CLIENTS = "query ($filter: ClientFilter) { clients(filter: $filter) { nodes { fullName } } viewer { name } }"
OF_ACCOUNTS = "query ($filter: TradingAccountFilter) { tradingAccounts(filter: $filter) { nodes { login } } }"
OF_ONE = """query ($filter: TradingAccountFilter) { client(by: { clientNumber: 1 }) {
    tradingAccounts(filter: $filter) { nodes { login } } } }"""


@pytest.mark.parametrize(
    "document, asked, column, path",
    [
        (OF_CLIENTS, {"search": "ann"}, "search", ["clients"]),
        (OF_CLIENTS, {"phone": "1"}, "phone", ["clients"]),
        (OF_CLIENTS, {"createdTo": "2026-01-01T00:00:00Z"}, "created_at", ["clients"]),
        (OF_ACCOUNTS, {"search": "1"}, "search", ["tradingAccounts"]),
        (OF_ONE, {"search": "1"}, "search", ["client", "tradingAccounts"]),
    ],
)
def test_a_missing_optional_column_is_an_error_of_the_filter_alone(plain, document, asked, column, path):
    body = plain.ask(document, {"filter": asked}, explain=False)

    [error] = body["errors"]
    assert error["path"] == path
    assert error["locations"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert f" {column} " in error["message"]
    assert "errors" not in plain.ask(OF_CLIENTS, {"filter": {"agency": [1]}})


@pytest.mark.anyio
async def test_a_column_that_comes_later_is_found(box, plain_erp):
    query = {"filter": {"phone": "1"}}
    with serving(box, plain_erp, "engine") as graph:
        before = graph.ask(OF_CLIENTS, query)
        connection = await asyncpg.connect(plain_erp)
        await connection.execute("ALTER TABLE brokergraph_erp.client ADD COLUMN phone text DEFAULT '123'")
        try:
            after = graph.ask(OF_CLIENTS, query)
        finally:
            await connection.execute("ALTER TABLE brokergraph_erp.client DROP COLUMN phone")
            await connection.close()

    assert "errors" in before
    assert after["data"]["clients"]["nodes"] == [{"fullName": "Ann"}]


LARGE = """
SET search_path = brokergraph_erp;
INSERT INTO client SELECT n, 'Client ' || md5(n::text), 'c' || n || '@example.com', n % 6, 4, NULL, true, n::text,
    '9725' || n, now() - n * interval '1 minute', to_tsvector('simple', 'client ' || md5(n::text))
    FROM generate_series(1, 20000) n;
INSERT INTO trading_account SELECT 'R' || k, (2 * n + k)::text, n, 'MT4', 3, 'g', (ARRAY['USD', 'EUR'])[1 + n % 2],
    n % 1000, n % 999, 0, now() - n * interval '1 second' FROM generate_series(1, 20000) n, generate_series(0, 1) k;
"""


@pytest.fixture(scope="module")
def large(box):
    """An ERP with the indexes of the document."""
    rows = re.findall(r"^\| (\w+) \| .* \| (GIN )?(\(.*\)) \|$", DOCUMENT, re.MULTILINE)
    indexes = [
        f"CREATE INDEX ON brokergraph_erp.{view} {'USING gin ' if gin else ''}{columns};" for view, gin, columns in rows
    ]
    assert len(indexes) == 15
    return anyio.run(partial(create_erp, box, "large_list_erp", LARGE + "".join(indexes) + "ANALYZE;", optional=True))


NO_CLIENTS = [None, None, False, [], None, False, [], None]
NO_ACCOUNTS = [None, False, [], None, None, False, [], None, None, None, None, None]
USD_ALONE = [*NO_ACCOUNTS[:8], ["USD"], *NO_ACCOUNTS[9:]]


def first_pages():
    """The first page of each order in each direction, and of each condition that has an index, with its parameters."""
    for descending, backward in product((False, True), (False, True)):
        way = f"{'DESC' if descending else 'ASC'} {'last' if backward else 'first'}"
        for field, order in CLIENT_ORDERS.items():
            variant = Variant(order=replace(order, descending=descending), backward=backward)
            values = [*NO_CLIENTS, None, None, 51, *[None, None] * bool(order.column)]
            yield f"{field} {way}", page_statement("clients", variant), values
            searched = replace(variant, optional=("clients_search",))
            for word in ("0cc1", "0", "client", "nobody"):
                yield f"{word} by {field} {way}", page_statement("clients", searched), [*values, [word], 777, "777"]
        for field, order in ACCOUNT_ORDERS.items():
            variant = Variant(order=replace(order, descending=descending), backward=backward)
            values = [*(USD_ALONE if order.one_currency else NO_ACCOUNTS), None, None, None, None, 51]
            values += [None, None] * bool(order.column)
            yield f"{field} {way}", page_statement("accounts", variant), values
            searched = replace(variant, optional=("accounts_search",))
            yield f"search by {field} {way}", page_statement("accounts", searched), [*values, ["0cc1"], 777, "777"]
    page = [*NO_CLIENTS, None, None, 51]
    yield "phone", page_statement("clients", Variant(optional=("clients_phone",))), [*page, "97251234%"]
    yield "created", page_statement("clients", Variant(optional=("clients_created",))), [*page, None, None]


PAGES = {name: (statement, values) for name, statement, values in first_pages()}


@pytest.mark.anyio
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("agencies", [None, [1]], ids=["all", "agency 1"])
async def test_the_first_page_of_each_order_reads_no_whole_table(large, name, agencies):
    statement, values = PAGES[name]
    connection = await asyncpg.connect(large)
    try:
        plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN " + statement, agencies, None, *values))
    finally:
        await connection.close()

    assert "Seq Scan" not in plan, plan


def most_read(plan):
    """The most rows that a step of the plan has read from a table."""
    read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if "Relation Name" in plan else 0
    return max([read, *map(most_read, plan.get("Plans", ()))])


@pytest.mark.anyio
@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith(("0cc1", "nobody", "search"))])
async def test_a_search_of_few_reads_a_part_of_the_order_alone(large, name):
    statement, values = PAGES[name]
    connection = await asyncpg.connect(large)
    try:
        plan = await connection.fetchval("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, None, None, *values)
    finally:
        await connection.close()

    assert most_read(json.loads(plan)[0]["Plan"]) <= 5000  # Of 20,000 clients.


@pytest.fixture(scope="module")
def large_graph(box, large):
    with serving(box, large, "rendered") as running:
        yield running


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("field, direction", ORDERS)
@pytest.mark.parametrize("word, at_least", [("0c", 60), ("e", 1000)])
def test_pages_of_a_search_have_each_found_client_once(large_graph, large, field, direction, backward, word, at_least):
    """The clients of the first word do not fill a page within the part of the order that is read first."""
    wanted = run_in(
        large,
        f"SELECT client_number FROM brokergraph_erp.client WHERE search @@ '{word}:*'"
        f" ORDER BY {ORDERS[field, direction]}",
    )
    order = {"field": field, "direction": direction}

    seen = walk(large_graph, 50, backward=backward, order=order, filter={"search": word})

    assert len(wanted) > at_least
    assert seen == wanted
