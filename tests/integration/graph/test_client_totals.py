"""Clients in the order of their total balance: exact for few clients, from a snapshot for many."""

import time
from functools import partial

import anyio
import asyncpg
import pytest
from support.graphs import running_graph
from support.states import create_state
from support.views import create_erp

# Equal totals, clients without balances, and totals that are null because a rate is missing.
ROWS = """
SET search_path = brokergraph_erp;
INSERT INTO accounting_currency VALUES ('ILS');
INSERT INTO client SELECT n, 'Client ' || n, NULL, n % 2, 4 + n % 2, NULL, true, NULL, NULL, NULL,
    to_tsvector('simple', 'Client ' || n) FROM generate_series(1, 40) n;
INSERT INTO web_status SELECT n, 2, 'Approved' FROM generate_series(1, 40) n WHERE n % 3 > 0;
INSERT INTO currency_balance SELECT n, c, n % 6 - 2, 1, CASE WHEN n % 7 > 0 OR c = 'USD' THEN (n % 6 - 2) * 3.5 END
    FROM generate_series(1, 40) n, unnest(ARRAY['EUR', 'USD']) c WHERE n % 5 > 0 AND n % 6 <> 2;
"""
TOTALS = """SELECT c.client_number FROM brokergraph_erp.client c LEFT JOIN (
    SELECT client_number, CASE WHEN count(*) = count(value) THEN sum(value) END AS total, true AS has
    FROM brokergraph_erp.currency_balance GROUP BY 1) b USING (client_number)
    WHERE {condition} ORDER BY CASE WHEN has THEN total ELSE 0 END {way} NULLS LAST, client_number {way}"""
PAGE = """query ($first: Int, $after: String, $last: Int, $before: String, $filter: ClientFilter,
    $direction: OrderDirection!) {
  clients(first: $first, after: $after, last: $last, before: $before, filter: $filter,
          orderBy: { field: TOTAL_FLOATING_BALANCE, direction: $direction }) {
    totalCount asOf pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { clientNumber totalFloatingBalance { amount } } } } }"""
MANY = {"LISTS__EXACT_MAX": "5", "LISTS__SNAPSHOT_SECONDS": "2"}
SECONDS = 0.05


@pytest.fixture(scope="module")
def erp(box):
    return anyio.run(partial(create_erp, box, "client_totals_erp", ROWS, optional=True))


@pytest.fixture(scope="module")
def state(box):
    return anyio.run(create_state, box, "client_totals_state")


def serving(box, erp, state, executor="engine", **settings):
    own = {"ERP__DATABASE_URL": erp, "STATE__DATABASE_URL": state, "RECONCILIATION__ENABLED": "false"}
    return running_graph(box, SERVER__EXECUTOR=executor, SERVER__HOT_AFTER="0", BUDGET__STORE="off", **own, **settings)


@pytest.fixture(scope="module", params=["engine", "graphql-core"])
def exact(request, box, erp, state):
    with serving(box, erp, state, request.param) as running:
        yield running


@pytest.fixture(scope="module", params=["engine", "graphql-core"])
def many(request, box, erp, state):
    """Five clients are too many, and the snapshot is rebuilt often."""
    with serving(box, erp, state, request.param, **MANY) as running:
        wait_for(lambda: rebuilds(state))
        yield running


def run_in(url, statement):
    async def ask():
        connection = await asyncpg.connect(url)
        try:
            return [row[0] for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return anyio.run(ask)


def rebuilds(state):
    return run_in(state, "SELECT number FROM brokergraph.client_total_rebuild ORDER BY number")


def wait_for(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(SECONDS)
    raise AssertionError("it did not come")


def hold_rebuilds(state):
    """No process rebuilds until `release_rebuilds`, so that the kept snapshots stay."""
    run_in(state, "UPDATE brokergraph.lease SET until = 'infinity'")
    # A rebuild that has already begun ends first.
    before = None
    while before != (before := rebuilds(state)):
        time.sleep(0.5)


def release_rebuilds(state):
    run_in(state, "UPDATE brokergraph.lease SET until = now()")


@pytest.fixture(scope="module")
def held(many, state):
    """No snapshot is made but by `rebuild_once`."""
    hold_rebuilds(state)
    yield many
    release_rebuilds(state)


def numbers(page):
    return [edge["node"]["clientNumber"] for edge in page["edges"]]


def walk(graph, size, direction, *, backward=False, key="demo-operator", between=lambda: None, **variables):
    seen, pages, end, times = [], 0, None, []
    while pages == 0 or end is not None:
        if pages == 2:
            between()
        bounds = {"last": size, "before": end} if backward else {"first": size, "after": end}
        page = graph.data(PAGE, {"direction": direction, **variables, **bounds}, key)["clients"]
        seen = numbers(page) + seen if backward else seen + numbers(page)
        times.append(page["asOf"])
        more, cursor = ("hasPreviousPage", "startCursor") if backward else ("hasNextPage", "endCursor")
        end = page["pageInfo"][cursor] if page["pageInfo"][more] else None
        pages += 1
    return seen, times


def wanted(erp, direction, condition="true"):
    return run_in(erp, TOTALS.format(condition=condition, way=direction))


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_the_exact_order_has_each_client_once(exact, erp, direction, backward):
    for size in (1, 7, 200):
        seen, times = walk(exact, size, direction, backward=backward)

        assert seen == wanted(erp, direction)
        assert set(times) == {None}


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_the_order_of_a_snapshot_has_each_client_once(held, erp, direction, backward):
    for size in (3, 200):
        seen, times = walk(held, size, direction, backward=backward)

        assert seen == wanted(erp, direction)
        assert len(set(times)) == 1
        assert times[0] is not None


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_a_page_between_two_cursors_has_what_is_between_them(exact, held, erp, direction):
    order = wanted(erp, direction)
    for graph in (exact, held):
        edges = graph.data(PAGE, {"first": 200, "direction": direction})["clients"]["edges"]
        for start, end in ((0, 5), (3, 38), (30, 39)):
            bounds = {"after": edges[start]["cursor"], "before": edges[end]["cursor"], "direction": direction}
            for size in ("first", "last"):
                assert numbers(graph.data(PAGE, {size: 200, **bounds})["clients"]) == order[start + 1 : end]


def test_few_clients_are_sorted_exactly_also_beside_a_snapshot(held, erp):
    asked = {"clientNumbers": [3, 8, 13, 21, 34]}

    seen, times = walk(held, 2, "DESC", filter=asked)
    more, dated = walk(held, 200, "DESC", filter={"clientNumbers": [3, 8, 13, 21, 34, 35]})

    assert seen == wanted(erp, "DESC", "c.client_number IN (3, 8, 13, 21, 34)")
    assert set(times) == {None}
    assert more == wanted(erp, "DESC", "c.client_number IN (3, 8, 13, 21, 34, 35)")
    assert None not in dated


@pytest.mark.parametrize(
    "asked, condition",
    [
        ({"agency": [1]}, "agency = 1"),
        ({"erpStatus": ["REAL"]}, "erp_status = 5"),
        ({"webStatus": ["APPROVED"]}, "client_number % 3 > 0"),
        ({"webStatus": ["UNRECOGNISED"]}, "false"),
        ({"clientNumbers": list(range(10, 30))}, "client_number BETWEEN 10 AND 29"),
    ],
)
def test_conditions_select_clients_of_both_orders(exact, held, erp, asked, condition):
    order = wanted(erp, "DESC", condition)

    assert walk(exact, 6, "DESC", filter=asked)[0] == order
    assert walk(held, 6, "DESC", filter=asked)[0] == order


@pytest.mark.parametrize(
    "asked, is_exact",
    [
        ({"agency": [77]}, True),
        ({"agency": [77], "webStatus": ["APPROVED"]}, True),
        ({"webStatus": ["BLOCKED"]}, False),
        ({"erpStatus": ["NEW"], "agency": [1]}, False),
    ],
)
def test_statuses_do_not_make_few_of_many(held, asked, is_exact):
    """The ERP has no index of statuses, so that it would read all clients of the other conditions."""
    page = held.data(PAGE, {"filter": asked, "direction": "ASC"})["clients"]

    assert numbers(page) == []
    assert (page["asOf"] is None) is is_exact


@pytest.mark.usefixtures("held")
def test_a_process_asks_the_snapshot_from_its_start(box, erp, state):
    asked = {"filter": {"webStatus": ["BLOCKED"]}, "direction": "ASC"}

    with serving(box, erp, state, LISTS__EXACT_MAX="5", LISTS__SNAPSHOT_SECONDS="1000") as graph:
        wait_for(lambda: graph.data(PAGE, asked)["clients"]["asOf"])


def test_a_caller_of_one_agency_sees_this_agency(exact, held, erp):
    for graph in (exact, held):
        assert walk(graph, 6, "ASC", key="demo-partner")[0] == wanted(erp, "ASC", "agency = 1")


def rebuild_once(state):
    """One rebuild, and no other one after it. The lease of this rebuild is long enough to hold the next."""
    before = rebuilds(state)[-1]
    release_rebuilds(state)
    wait_for(lambda: rebuilds(state)[-1] > before)
    hold_rebuilds(state)


def test_pages_stay_in_their_snapshot_while_totals_change(held, erp, state):
    order, table = wanted(erp, "DESC"), "brokergraph_erp.currency_balance"
    of = f"WHERE client_number = {order[0]}"
    rows = run_in(erp, f"SELECT row_to_json(b)::text FROM {table} b {of}")
    page = held.data(PAGE, {"first": 5, "direction": "DESC"})["clients"]
    try:
        run_in(erp, f"UPDATE {table} SET value = -1e9 {of}")
        rebuild_once(state)
        after = {"first": 200, "after": page["pageInfo"]["endCursor"], "direction": "DESC"}
        rest = held.data(PAGE, after)["clients"]
        newest = held.data(PAGE, {"first": 1, "direction": "DESC"})["clients"]
    finally:
        run_in(erp, f"DELETE FROM {table} {of}")
        for row in rows:
            run_in(erp, f"INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, '{row}')")
        rebuild_once(state)

    assert numbers(page) + numbers(rest) == order
    assert rest["asOf"] == page["asOf"]
    assert numbers(newest) == order[1:2]
    assert newest["asOf"] > page["asOf"]


def test_a_cursor_of_a_snapshot_that_is_gone_is_refused(held, state):
    cursor = held.data(PAGE, {"first": 5, "direction": "ASC"})["clients"]["pageInfo"]["endCursor"]
    rebuild_once(state)
    rebuild_once(state)

    [error] = held.ask(PAGE, {"first": 5, "after": cursor, "direction": "ASC"})["errors"]

    assert error["path"] == ["clients"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "snapshot" in error["message"]
    assert len(rebuilds(state)) == 2


def test_a_client_that_is_gone_is_left_out_of_the_snapshots_page(held, erp):
    order = wanted(erp, "ASC")
    run_in(
        erp,
        f"CREATE TABLE brokergraph_erp.gone AS SELECT * FROM brokergraph_erp.client WHERE client_number = {order[3]}",
    )
    run_in(erp, f"DELETE FROM brokergraph_erp.client WHERE client_number = {order[3]}")
    try:
        seen, _ = walk(held, 4, "ASC")
        # A page of its client alone is empty, and still has cursors.
        singly, _ = walk(held, 1, "ASC")
        backward, _ = walk(held, 1, "ASC", backward=True)
    finally:
        run_in(erp, "INSERT INTO brokergraph_erp.client SELECT * FROM brokergraph_erp.gone")
        run_in(erp, "DROP TABLE brokergraph_erp.gone")

    assert seen == singly == backward == [number for number in order if number != order[3]]


def test_a_search_among_many_is_refused_and_among_few_is_exact(held):
    body = held.ask(PAGE, {"filter": {"search": "client"}, "direction": "ASC"})
    few = held.data(PAGE, {"filter": {"search": "client 1", "clientNumbers": [1, 2]}, "direction": "ASC"})

    assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert numbers(few["clients"]) == [1]


def test_without_balances_read_the_order_is_refused(exact):
    [error] = exact.ask("{ clients(orderBy: { field: TOTAL_FLOATING_BALANCE, direction: ASC }) { nodes { id } } }",
                        key="demo-reader")["errors"]  # fmt: skip

    assert error["extensions"]["code"] == "FORBIDDEN"


def test_the_plan_is_never_below_what_is_made(exact, held):
    query = PAGE.replace("totalFloatingBalance { amount }", "")
    after = held.data(PAGE, {"first": 3, "direction": "ASC"})["clients"]["pageInfo"]["endCursor"]
    for graph, variables, calls in (
        (exact, {}, {"ERP_DATABASE": 2}),
        (held, {}, {"ERP_DATABASE": 2, "STATE_DATABASE": 1}),
        (held, {"after": after}, {"ERP_DATABASE": 2, "STATE_DATABASE": 1}),
    ):
        plan = graph.ask(query, {"first": 3, "direction": "ASC", **variables}, explain=True)["extensions"]["plan"]
        assert {system: cost["calls"] for system, cost in plan["actual"].items()} == calls
        for system, cost in plan["actual"].items():
            assert cost["calls"] <= plan["predicted"][system]["calls"]
            assert cost["keys"] <= plan["predicted"][system]["keys"]


def test_the_snapshot_has_each_currency(many, erp, state):
    [sums] = run_in(
        state, "SELECT sums::text FROM brokergraph.client_total WHERE client_number = 1 ORDER BY rebuild DESC LIMIT 1"
    )

    assert sums == '{"EUR": ["-1", "1", "-3.5"], "USD": ["-1", "1", "-3.5"]}'


@pytest.mark.usefixtures("held")
def test_before_the_first_snapshot_the_caller_is_told_to_come_again(box, erp, state):
    try:
        with serving(box, erp, state, LISTS__EXACT_MAX="5", LISTS__SNAPSHOT_SECONDS="1000") as graph:
            run_in(state, "DELETE FROM brokergraph.client_total_rebuild")
            [error] = graph.ask(PAGE, {"direction": "ASC"})["errors"]
    finally:
        release_rebuilds(state)
        wait_for(lambda: rebuilds(state))
        hold_rebuilds(state)

    assert error["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"
    assert error["extensions"]["retryAfterSeconds"] == 60
