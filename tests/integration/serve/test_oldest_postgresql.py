"""The oldest version of PostgreSQL that docs/operations.md names does everything."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.boxes import running_box
from support.graphs import running_graph
from support.mutations import deposit
from support.served import Operator
from support.streams import EVENTS, EventSource

from upstreams.check.version import OLDEST, check_version

BINARIES = Path(f"/usr/lib/postgresql/{OLDEST}/bin")
PAGES = """
{ clients(first: 50) { totalCount nodes { fullName balances { currency balance } totalFloatingBalance { amount }
  tradingAccounts(first: 5) { nodes { login balance } } } } }

{ clients(first: 5, filter: { search: "a" }, orderBy: { field: FULL_NAME, direction: DESC }) {
  nodes { fullName } pageInfo { endCursor } } }

{ clients(first: 5, orderBy: { field: TOTAL_FLOATING_BALANCE, direction: DESC }) { nodes { clientNumber } } }

{ tradingAccounts(first: 5) { nodes { login client { fullName } } } }

{ clientSummary { count balances { currency balance } byAgency { agency count } } }

{ accountSummary { count byServer { server balance } } }

{ instructions(first: 5) { nodes { kind status events { status } } } }
""".strip().split("\n\n")


@pytest.fixture(scope="module")
def old_box(tmp_path_factory):
    if not (BINARIES / "postgres").is_file():
        pytest.skip(f"PostgreSQL {OLDEST} is not installed here: apt-get install postgresql-{OLDEST}")
    folder = tmp_path_factory.mktemp("oldest")
    with running_box(folder, 60, SANDBOX_POSTGRESQL_BIN=str(BINARIES)) as running:
        yield running


async def first_events(graph, after):
    async with EventSource.open(graph.url, EVENTS, {"after": after}) as stream:
        bodies = [await stream.next() for _ in range(3)]
    return [body["data"]["instructionEvents"]["event"]["status"] for body in bodies]


def test_the_oldest_postgresql_answers_moves_money_and_streams(old_box):
    with (
        running_graph(old_box, SERVER__HOT_AFTER="0") as graph,
        running_graph(old_box, SERVER__EXECUTOR="graphql-core") as other,
    ):
        answers = [graph.data(page) for page in PAGES]
        assert [other.data(page) for page in PAGES] == answers
        after = graph.data("{ instructionEventsCursor }")["instructionEventsCursor"]
        assert deposit(graph, "R1", "61436")["__typename"] == "DepositConfirmed"
        assert asyncio.run(first_events(graph, after)) == ["RECEIVED", "SENT", "CONFIRMED"]
        assert graph.client.get(f"{graph.url}/readyz").status_code == 200
        checked = Operator(old_box.settings_path).run_here("check")

    assert checked.exit_code == 0, checked.output
    assert len(answers[0]["clients"]["nodes"]) == 50


@pytest.mark.parametrize("major,verdicts", [(0, []), (OLDEST - 1, ["wrong"]), (OLDEST, []), (18, [])])
def test_an_older_postgresql_is_named(major, verdicts):
    async def found():
        return [one.verdict async for one in check_version(SimpleNamespace(major=major), "erp.database_url")]

    assert asyncio.run(found()) == verdicts
