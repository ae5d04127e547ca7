"""`Query.instructions`: by time, both ways, while instructions come and advance, and for each caller."""

from functools import partial

import anyio
import asyncpg
import pytest
from support.graphs import running_graph
from support.states import create_state

from core.visibility import Visibility
from upstreams.state import instruction_list

COUNT = 40
# Several of one moment, of two agencies and two callers.
ROWS = f"""
INSERT INTO brokergraph.instruction (id, kind, status, principal, idempotency_key, request_hash, reference,
    client_number, agency, server, login, created_at, details)
SELECT gen_random_uuid(), (ARRAY['DEPOSIT', 'CREATE_TRADING_ACCOUNT'])[1 + n % 2], 'RECEIVED', 'caller' || n % 3,
    'k' || n, sha256(n::text::bytea), 'r' || n, 500600 + n % 7, n % 2, 'R' || n % 3, n::text,
    timestamptz '2026-03-01 10:00:00.000001+00' + n / 4 * interval '1 microsecond', '{{}}'
FROM generate_series(1, {COUNT}) n
"""
PAGE = """query ($first: Int, $after: String, $last: Int, $before: String, $filter: InstructionFilter,
    $order: InstructionOrder) {
  instructions(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $order) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { idempotencyKey } } }"""
DIRECTIONS = {"ASC": "created_at, number", "DESC": "created_at DESC, number DESC"}


async def run_in(url, statement, *arguments):
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(statement, *arguments)]
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def state(box):
    url = anyio.run(create_state, box, "instruction_list")
    anyio.run(run_in, url, ROWS)
    return url


@pytest.fixture(scope="module", params=["engine", "graphql-core"])
def graph(request, box, state):
    settings = {"STATE__DATABASE_URL": state, "RECONCILIATION__ENABLED": "false", "BUDGET__STORE": "off"}
    with running_graph(box, SERVER__EXECUTOR=request.param, SERVER__HOT_AFTER="0", **settings) as running:
        yield running


@pytest.fixture
def in_state(state):
    """Runs a statement in the state database and returns the first column of its rows."""

    return partial(anyio.run, run_in, state)


def page_of(graph, key="demo-operator", **variables):
    return graph.data(PAGE, variables, key)["instructions"]


def keys(page):
    return [node["idempotencyKey"] for node in page["nodes"]]


def walk(graph, size, *, backward=False, change=lambda: None, **variables):
    seen, pages, end = [], 0, None
    while pages == 0 or end is not None:
        if pages == 2:
            change()
        bounds = {"last": size, "before": end} if backward else {"first": size, "after": end}
        page = page_of(graph, **variables, **bounds)
        seen = keys(page) + seen if backward else seen + keys(page)
        more, cursor = ("hasPreviousPage", "startCursor") if backward else ("hasNextPage", "endCursor")
        end = page["pageInfo"][cursor] if page["pageInfo"][more] else None
        pages += 1
    return seen


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_pages_have_each_instruction_once(graph, in_state, direction, backward):
    wanted = in_state(f"SELECT idempotency_key FROM brokergraph.instruction ORDER BY {DIRECTIONS[direction]}")
    order = {"field": "CREATED_AT", "direction": direction}

    for size in (1, 7, 200):
        assert walk(graph, size, backward=backward, order=order) == wanted


def test_the_newest_are_first_without_an_order(graph, in_state):
    wanted = in_state(f"SELECT idempotency_key FROM brokergraph.instruction ORDER BY {DIRECTIONS['DESC']} LIMIT 5")

    assert keys(page_of(graph, first=5)) == wanted
    assert keys(page_of(graph, first=5, order=None)) == wanted


def test_an_instruction_that_comes_or_advances_between_pages_moves_no_other(graph, in_state):
    wanted = walk(graph, 200)
    key = f"new{len(wanted)}"

    def change():
        in_state(
            "UPDATE brokergraph.instruction SET status = 'SENT' WHERE idempotency_key = 'k30' AND status <> 'SENT'"
        )
        in_state(
            "INSERT INTO brokergraph.instruction (id, kind, status, principal, idempotency_key, request_hash,"
            " reference, client_number, agency, created_at, details) SELECT gen_random_uuid(), kind, 'RECEIVED',"
            " principal, $1, request_hash, $1, client_number, agency, now(), '{}' FROM brokergraph.instruction LIMIT 1",
            key,
        )

    assert walk(graph, 6, change=change) == wanted
    assert keys(page_of(graph, first=1)) == [key]


@pytest.mark.parametrize(
    "asked, condition",
    [
        ({}, "true"),
        ({"kinds": ["DEPOSIT"]}, "kind = 'DEPOSIT'"),
        ({"kinds": []}, "false"),
        ({"statuses": ["SENT", "UNKNOWN"]}, "status IN ('SENT', 'UNKNOWN')"),
        ({"clientNumbers": [500601, 500603]}, "client_number IN (500601, 500603)"),
        ({"servers": ["R1"], "kinds": ["CREATE_TRADING_ACCOUNT"]}, "server = 'R1' AND kind = 'CREATE_TRADING_ACCOUNT'"),
        (
            {"createdFrom": "2026-03-01T10:00:00.000003Z", "createdTo": "2026-03-01T10:00:00.000006Z"},
            "created_at >= '2026-03-01 10:00:00.000003+00' AND created_at < '2026-03-01 10:00:00.000006+00'",
        ),
    ],
)
def test_conditions_select_instructions(graph, in_state, asked, condition):
    wanted = in_state(f"SELECT idempotency_key FROM brokergraph.instruction WHERE {condition}")

    page = page_of(graph, first=200, filter=asked)

    assert sorted(keys(page)) == sorted(wanted)
    assert page["totalCount"] == len(wanted)


def test_a_caller_of_one_agency_sees_this_agency(graph, in_state):
    wanted = in_state(
        f"SELECT idempotency_key FROM brokergraph.instruction WHERE agency = 1 ORDER BY {DIRECTIONS['DESC']}"
    )

    assert walk(graph, 7, key="demo-partner") == wanted
    assert page_of(graph, "demo-partner", first=1)["totalCount"] == len(wanted)


def test_a_clients_own_token_sees_its_own_instructions(in_state):
    own = Visibility(None, 500601, "caller1").of_instructions()
    page = instruction_list._statements(True, False).page  # noqa: SLF001 - no token of the issuer is this caller's.
    nothing = (*instruction_list.InstructionQuery().parameters(), None, None, None, None)

    found = in_state(page, *own, *nothing, 200)

    assert found
    assert found == in_state(
        "SELECT id FROM brokergraph.instruction WHERE client_number = 500601 AND principal = 'caller1'"
        f" ORDER BY {DIRECTIONS['DESC']}"
    )


def test_a_page_costs_one_statement_and_a_total_another(graph):
    plan = graph.ask(PAGE, {"first": 3}, explain=True)["extensions"]["plan"]

    assert plan["actual"] == {"STATE_DATABASE": {"calls": 2, "keys": 2}}
    assert plan["predicted"] == {"STATE_DATABASE": {"calls": 2, "keys": 2}}


def test_without_the_scope_the_list_is_refused(graph):
    [error] = graph.ask(PAGE, {"first": 1}, "demo-reader")["errors"]

    assert error["extensions"] == {"code": "FORBIDDEN", "requiredScopes": ["instruction:read"]}


def test_a_cursor_of_a_clients_list_is_refused(graph):
    foreign = graph.data(
        "{ client(by: { clientNumber: 500608 }) { instructions(first: 1) { pageInfo { endCursor } } } }"
    )["client"]["instructions"]["pageInfo"]["endCursor"]
    for cursor in filter(None, (foreign, "WyJpbnN0cnVjdGlvbnMiLDFd")):
        [error] = graph.ask(PAGE, {"after": cursor})["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.anyio
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("agencies", [None, [1]])
async def test_a_page_of_a_large_ledger_is_read_by_an_index(state, agencies, direction):
    connection = await asyncpg.connect(state)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(ROWS.replace("'k' || n", "'x' || n").replace("'r' || n", "'x' || n").replace(
        f"generate_series(1, {COUNT})", "generate_series(100, 20000)"))  # fmt: skip
    await connection.execute("ANALYZE brokergraph.instruction")
    statement = instruction_list._statements(direction == "DESC", False).page  # noqa: SLF001 - its plan is wanted.
    values = (agencies, None, None, *[None] * 10, 51)
    plan = [row[0] for row in await connection.fetch("EXPLAIN " + statement, *values)]
    await transaction.rollback()
    await connection.close()

    assert "Seq Scan" not in "\n".join(plan)
    assert "Sort" not in "\n".join(plan)
