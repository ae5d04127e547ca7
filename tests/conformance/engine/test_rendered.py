"""What PostgreSQL renders against what resolvers say: the same answers over an ERP that is odd on purpose, by random
operations on everything that can be rendered.
"""

import json
import os
from pathlib import Path

import anyio
import asyncpg
import pytest
from graphql import build_schema
from support.graphs import running_graph
from support.operations import random_operation
from support.oracle import order
from support.views import create_erp
from test_our_schema import errors

from resolvers.fields.ids import ACCOUNTS
from resolvers.schema import printed
from resolvers.types.scalars import print_datetime
from upstreams.erp.rendering.sql_json import instant, joined, spelled, text_of

LONG = os.environ.get("TORTURE") == "long"
SEED = int(os.environ.get("TORTURE_SEED", "1"))
OPERATIONS = 2_000 if LONG else 60
DATABASE = "odd_erp"
# Vendors are not to be asked at random, and pages of pages of pages take long.
ELSEWHERE = ("Client.live", "Client.instructions", "TradingAccount.live", "TradingAccount.client")
NUMBERS = ["1", "2", "3", "4", "5", "6", "7", "8", "20", "21", "27", "59"]
LITERALS = {
    "Int": ["1", "3", "40"],
    "String": ['"WyJjbGllbnRzIiw0XQ"'],
    "ClientBy": [f"{{clientNumber: {number}}}" for number in NUMBERS],
    "CurrencyCode": ['"USD"', '"BTC"', '"XXX"'],
    "ClientFilter": ["{agency: [1, 2]}", "{clientNumbers: [1, 3, 5, 27]}", "{erpStatus: [UNRECOGNISED, APPROVED]}"],
    "TradingAccountFilter": [
        "{platforms: [MT4]}",
        '{servers: ["R1", "ZZ"]}',
        "{statuses: [UNKNOWN, ACTIVE]}",
        '{groups: ["g1", "g2"], agency: [0, 1]}',
        '{currencies: ["USD"], balanceFrom: "1", balanceTo: "20"}',
    ],
}


@pytest.fixture(scope="module")
def odd(box):
    """The address of the odd ERP, in a database beside the sandbox's own."""
    rows = (Path(__file__).parent / "odd_erp.sql").read_text(encoding="utf-8")
    return anyio.run(create_erp, box, DATABASE, rows)


@pytest.fixture(scope="module")
def both(box, odd):
    settings = {
        "ERP__DATABASE_URL": odd,
        "STATE__DATABASE_URL": box.graph_database_url,
        "RECONCILIATION__ENABLED": "false",
        "BUDGET__STORE": "off",
        "LIMITS__COST_MAX": "100000000",
        "SERVER__METRICS": "everyone",
        "SERVER__REQUEST_DEADLINE_SECONDS": "3",
    }
    with (
        running_graph(box, SERVER__EXECUTOR="engine", SERVER__HOT_AFTER="0", **settings) as ours,
        running_graph(box, SERVER__EXECUTOR="graphql-core", **settings) as reference,
    ):
        yield ours, reference


def statements(graph):
    lines = graph.client.get(f"{graph.url}/metrics").text.splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith('brokergraph_upstream_calls_total{upstream="ERP')
    )


def schema_of_what_is_rendered():
    """Without the arguments that lead to an error or away from what is rendered, most of the time."""
    schema = build_schema(printed())
    clients, accounts = (
        schema.type_map[kind].fields[name] for kind, name in (("Query", "clients"), ("Client", "tradingAccounts"))
    )
    listed = schema.type_map["Query"].fields["tradingAccounts"]
    query = schema.type_map["Query"].fields
    for name in set(query) - {"client", "clients", "tradingAccounts"}:
        del query[name]
    for field, names in (
        (clients, ("last", "before")),
        (accounts, ("after", "last", "before")),
        (listed, ("after", "last", "before")),
    ):
        for name in names:
            del field.args[name]
    del schema.type_map["LiveAccount"].fields["observedAt"]
    return schema


def compare(both, text, variables=None, key="demo-operator"):
    ours, reference = (graph.post(text, variables, key) for graph in both)
    found, expected = ours.json(), reference.json()
    assert ours.status_code == reference.status_code, text
    assert found.get("data") == expected.get("data"), f"{text} {variables}"
    assert order(found.get("data")) == order(expected.get("data")), text
    # What the ERP must not say is an internal error, in the same places.
    assert errors(found, ()).keys() == errors(expected, ()).keys(), f"{text} {variables}"
    return found


@pytest.mark.usefixtures("well_behaved")
@pytest.mark.timeout(3000)
def test_what_is_rendered_is_what_would_be_resolved(both):
    schema = schema_of_what_is_rendered()
    spent = [0.0, 0.0]
    for number, (text, variables) in enumerate(operations(schema, OPERATIONS)):
        # Only a caller that sees all agencies reaches the erroneous rows.
        before, key = [statements(graph) for graph in both], "demo-partner" if number % 4 else "demo-operator"
        body = compare(both, text, variables, key)
        if key == "demo-partner" and "errors" not in body:
            spent = [one + statements(graph) - was for one, graph, was in zip(spent, both, before, strict=True)]
    assert spent[0] < spent[1], "nothing was rendered"


def operations(schema, count):
    """So many that ask for something."""
    seed = SEED * 1_000_000
    while count:
        seed += 1
        text, _, variables = random_operation(schema, seed, deepest=8, widest=4, literals=LITERALS, without=ELSEWHERE)
        if 200 < len(text) < 1500:
            count -= 1
            yield text, variables


OWNERS = """{ clients(first: 40) { nodes { tradingAccounts(first: 2) { edges { cursor node { login server { name }
    client { id clientNumber fullName webStatus { code text } balances(currencies: [USD]) { held }
             totalFloatingBalance { amount } }
    live(maxAgeSeconds: 0) { leverage } again: live(maxAgeSeconds: 1) { leverage currency } } } } } } }"""
ONE = """query ($number: Int!) { client(by: {clientNumber: $number}) { instructions(first: 1) { totalCount }
    tradingAccounts { nodes {
      login server { name system __typename } live { leverage } more: live { currency } } } } }"""
PAGES = """query ($last: Int, $before: String) { clients(last: $last, before: $before) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { clientNumber } } } }"""


@pytest.mark.usefixtures("well_behaved")
def test_owners_of_accounts_and_figures_of_vendors_are_found_in_their_places(both):
    before = statements(both[0])
    body = compare(both, OWNERS, key="demo-partner")
    assert statements(both[0]) == before + 1
    assert {error["path"][-1] for error in body["errors"]} == {"live", "again"}
    assert len({tuple(error["path"]) for error in body["errors"]}) > 40


ROOTS = """{ one: clients(first: 20) { ...Page } two: clients(first: 20, after: "WyJjbGllbnRzIiw0XQ") { ...Page } }
    fragment Page on ClientConnection { nodes {
      clientNumber tradingAccounts { nodes { login live { leverage } } } } }"""


@pytest.mark.usefixtures("well_behaved")
def test_two_roots_that_select_the_same_are_read_by_one_statement(both):
    before = statements(both[0])
    body = compare(both, ROOTS, key="demo-partner")
    assert statements(both[0]) == before + 1
    assert {error["path"][0] for error in body["errors"]} == {"one", "two"}


@pytest.mark.usefixtures("well_behaved")
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 27, 106, 107, 108])
def test_one_client_has_holes_of_several_kinds_whatever_its_accounts_are_called(both, number):
    compare(both, ONE, {"number": number})


@pytest.mark.usefixtures("well_behaved")
@pytest.mark.parametrize("number, rendered", [(5, True), (27, True), (107, False), (108, False)])
def test_only_a_name_that_holds_what_separates_names_is_taken_the_long_way(both, number, rendered):
    before = statements(both[0])
    compare(both, ONE, {"number": number})
    after = statements(both[0])
    compare(both, ONE.replace("tradingAccounts", "tradingAccounts(last: 100)"), {"number": number})
    assert rendered == (after - before < statements(both[0]) - after)


@pytest.mark.anyio
async def test_older_versions_of_postgresql_write_the_same_texts(box):
    """The sandbox's own is asked in the newest spelling everywhere else."""
    texts = [None, "", *map(chr, range(1, 0x300)), "\ud7ff\ue000\uffff", "\U0001f600", 'a"\\/\n</script>']
    connection = await asyncpg.connect(box.database_url)
    try:
        older, newer = [
            await connection.fetch(f"SELECT {spelled(text_of('t'), major)} FROM unnest($1::text[]) t", texts)
            for major in (16, 17)
        ]
    finally:
        await connection.close()

    assert spelled(text_of("t"), 0) == spelled(text_of("t"), 16) != spelled(text_of("t"), 17)
    assert older == newer
    assert [json.loads(row[0]) for row in older[1:]] == texts[1:]


@pytest.mark.anyio
async def test_instants_are_written_as_resolvers_do_or_not_at_all(box):
    """What has no year of ours was written as the same day of another one."""
    known = [
        "0001-01-01 00:00:00.0005+00",
        "1969-12-31 23:59:59.9994+00",
        "2026-02-28 12:00+14",
        "9999-12-31 23:59:59+00",
    ]
    unknown = ["0001-01-01 00:00:00+01", "0044-03-15 BC", "10000-01-01 00:00:00+00", "infinity", "-infinity"]
    connection = await asyncpg.connect(box.database_url)
    try:
        rows = await connection.fetch(
            f"SELECT {joined(instant('t'))}, CASE WHEN n <= 4 THEN t END "
            "FROM unnest($1::text[]::timestamptz[]) WITH ORDINALITY AS one(t, n)",
            [*known, *unknown],
        )
    finally:
        await connection.close()

    assert [row[0] for row in rows[:4]] == [f'"{print_datetime(row[1])}"' for row in rows[:4]]
    assert [row[0] for row in rows[4:]] == [None] * len(unknown)


@pytest.mark.parametrize("before", [None, "WyJjbGllbnRzIiwyN10"])
@pytest.mark.parametrize("last", [1, 7, 200])
def test_pages_are_counted_from_the_end_too(both, last, before):
    body = compare(both, PAGES, {"last": last, "before": before}, key="demo-partner")
    assert body["data"]["clients"]["edges"]


ACCOUNT_PAGES = """query ($first: Int, $after: String, $filter: TradingAccountFilter) { clients(first: 60) { nodes {
    tradingAccounts(first: $first, after: $after, filter: $filter) {
        totalCount edges { cursor } pageInfo { endCursor hasNextPage __typename hasPreviousPage first: startCursor } }
    few: tradingAccounts(first: 2) { pageInfo { endCursor more: hasNextPage } totalCount } } } }"""


@pytest.mark.parametrize("wanted", [None, {"platforms": ["MT5"]}, {"servers": ["R1", "ZZ"], "statuses": ["CLOSED"]}])
@pytest.mark.parametrize("after", [None, ["L1", "920"], ["R1", "99"], ["", ""]])
@pytest.mark.parametrize("first", [None, 1, 3])
def test_pages_of_accounts_say_where_they_end(both, first, after, wanted):
    before = statements(both[0])
    cursor = None if after is None else ACCOUNTS.encode(*after)
    compare(both, ACCOUNT_PAGES, {"first": first, "after": cursor, "filter": wanted}, key="demo-partner")
    assert statements(both[0]) == before + 1


@pytest.mark.parametrize("asked", ["a: __typename totalCount", "pageInfo { __typename }", "nodes { login }"])
@pytest.mark.parametrize(
    "arguments",
    [
        "first: 0",
        "first: -1",
        "first: 201",
        'after: "garbage"',
        'after: ""',
        'first: 0, after: "x"',
        'after: "WyJjbGllbnRzIiw0XQ"',
        "filter: {servers: [$none]}",
    ],
)
@pytest.mark.parametrize(
    "query", ["{ client(by: {clientNumber: 1}) { id tradingAccounts } }", "{ clients { nodes { tradingAccounts } } }"]
)
def test_what_is_wrong_with_a_page_is_told_whatever_is_read_of_it(both, query, arguments, asked):
    declared = 'query ($none: String = "R1")' if "$none" in arguments else ""
    text = declared + query.replace("tradingAccounts", f"tradingAccounts({arguments}) {{ {asked} }}")

    body = compare(both, text, {"none": None} if declared else None, key="demo-partner")

    assert "tradingAccounts" in body["errors"][0]["path"]


@pytest.mark.parametrize("query", ["{ clients(first: 1) { nodes @skip(if: true) { id } } }", "{ clients { ...E } }"])
def test_an_answer_of_nothing_is_rendered_too(both, query):
    before = statements(both[0])
    more = " fragment E on ClientConnection { nodes { clientNumber @include(if: false) } }" if "..." in query else ""
    compare(both, query + more, key="demo-partner")
    assert statements(both[0]) == before + 1


@pytest.mark.anyio
async def test_a_view_that_hangs_takes_the_others_with_it_neither_now_nor_later(both, odd):
    query = "{ clients(first: 2) { nodes { fullName webStatus { code } balances { currency } } } }"
    whole = compare(both, query, key="demo-partner")["data"]["clients"]["nodes"]
    connection = await asyncpg.connect(odd)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("LOCK TABLE brokergraph_erp.currency_balance IN ACCESS EXCLUSIVE MODE")
    try:
        answers = [(await anyio.to_thread.run_sync(both[0].post, query, None, "demo-partner")).json() for _ in range(2)]
    finally:
        await transaction.rollback()
        await connection.close()

    assert any(client["balances"] for client in whole)
    for body in answers:
        assert body["data"]["clients"]["nodes"] == [client | {"balances": None} for client in whole]
        assert {error["path"][-1] for error in body["errors"]} == {"balances"}
        assert {error["extensions"]["code"] for error in body["errors"]} == {"UPSTREAM_UNAVAILABLE"}
    assert compare(both, query, key="demo-partner")["data"]["clients"]["nodes"] == whole
