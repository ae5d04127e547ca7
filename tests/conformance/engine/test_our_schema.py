"""Random operations of the graph itself, sent to two servers over one brokerage: one with the engine, one without."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from graphql import build_schema
from support.graphs import running_graph
from support.operations import random_operation
from support.oracle import order, position

from resolvers.schema import printed

LONG = os.environ.get("TORTURE") == "long"
SEED = int(os.environ.get("TORTURE_SEED", "1"))
OPERATIONS = 2_000 if LONG else 100

LITERALS = {
    "Int": ["1", "3", "500608", "500021", "0"],
    "ID": ['"Q2xpZW50OjUwMDYwOA"', '"Q2xpZW50OjE"', '"nonsense"'],
    "ClientBy": ["{clientNumber: 500608}", "{clientNumber: 1}", '{account: {server: "R1", login: "55521"}}'],
    "TradingAccountBy": ['{account: {server: "R1", login: "55521"}}', '{account: {server: "X", login: "1"}}'],
    "InstructionBy": ['{idempotencyKey: "none"}'],
    "String": ['"a"', '""'],
    "DateTime": ['"2025-01-01T00:00:00Z"', '"2025-06-01T00:00:00Z"', '"2025-12-31T12:00:00+02:00"'],
}
# What is another thing at every moment, and what a vendor allows a few times a minute only.
WITHOUT = (
    *(
        "Client.live",
        "TradingAccount.syncedAt",
        "LiveAccount.observedAt",
        "Viewer.budget",
        "Query.upstreams",
        "Query.viewer",
    ),
    # Without arguments of its own these would be pages of pages of pages, which the limits refuse.
    *("Client.instructions", "Instruction.client", "TradingAccount.client"),
)
FAILURES = ("INTERNAL_ERROR", "DEADLINE_EXCEEDED")


@pytest.fixture(scope="module")
def graphs(box):
    settings = {"RECONCILIATION__ENABLED": "false", "BUDGET__STORE": "off", "LIMITS__COST_MAX": "100000000"}
    with (
        running_graph(box, SERVER__EXECUTOR="engine", SERVER__HOT_AFTER="0", **settings) as ours,
        running_graph(box, SERVER__EXECUTOR="graphql-core", **settings) as reference,
    ):
        yield ours, reference


@pytest.mark.usefixtures("well_behaved")
@pytest.mark.parametrize("key", ["demo-operator", "demo-reader"])
@pytest.mark.timeout(3000)
def test_the_graph_answers_alike_with_and_without_the_engine(graphs, key):
    schema = build_schema(printed())
    answered = 0
    for number in range(OPERATIONS // 2):
        seed = SEED * 1_000_000 + number
        text, _, variables = random_operation(
            schema, seed, deepest=6 if LONG else 5, widest=4, literals=LITERALS, without=WITHOUT
        )
        ours, reference = (graph.post(text, variables, key) for graph in graphs)
        assert ours.status_code == reference.status_code, text
        found, expected = ours.json(), reference.json()
        assert found.get("data") == expected.get("data"), f"seed {seed}: {text} {variables}"
        assert order(found.get("data")) == order(expected.get("data")), text
        assert errors(found) == errors(expected), f"seed {seed}: {text} {variables}"
        answered += found.get("data") is not None
    assert answered > OPERATIONS // 4, "nearly everything was refused: nothing was compared"


@pytest.mark.usefixtures("well_behaved")
@pytest.mark.timeout(3000)
def test_a_plan_is_never_below_what_is_made(graphs):
    schema = build_schema(printed())
    planned = 0
    for number in range(OPERATIONS):
        seed = SEED * 2_000_000 + number
        text, _, variables = random_operation(schema, seed, deepest=5, widest=4, literals=LITERALS, without=WITHOUT)
        body = graphs[number % 2].post(text, variables, explain=True).json()
        if "extensions" not in body:
            continue
        predicted, actual = body["extensions"]["plan"]["predicted"], body["extensions"]["plan"]["actual"]
        for system, made in actual.items():
            assert made["calls"] <= predicted[system]["calls"], f"seed {seed}: {system} {text} {variables}"
            assert made["keys"] <= predicted[system]["keys"], f"seed {seed}: {system} {text} {variables}"
        planned += bool(actual)
    assert planned > OPERATIONS // 4, "nearly no operation asked an upstream"


BALANCES = "{ clients(first: 9) { nodes { clientNumber webStatus { code } balances { currency balance } } } }"


@pytest.mark.usefixtures("well_behaved")
def test_callers_with_different_scopes_ask_the_same_document_by_turns_and_at_once(graphs):
    ours, reference = graphs
    keys = ["demo-reader", "demo-operator", "demo-partner", "nobody"] * 5
    expected = {key: reference.post(BALANCES, None, key).json() for key in set(keys)}

    with ThreadPoolExecutor(8) as threads:
        by_turns = [ours.post(BALANCES, None, key).json() for key in keys]
        at_once = list(threads.map(lambda key: ours.post(BALANCES, None, key).json(), keys))

    for key, found in zip(keys * 2, by_turns + at_once, strict=True):
        assert found.get("data") == expected[key].get("data"), key
        assert errors(found) == errors(expected[key]), key
    assert any(client["balances"] for client in expected["demo-operator"]["data"]["clients"]["nodes"])
    assert errors(expected["demo-reader"]) == {
        ("clients", "nodes", place, "balances"): {"FORBIDDEN"} for place in range(9)
    }


def errors(body, impossible=FAILURES):
    """Which codes stand for each null; of several siblings either may have been the first."""
    found = {}
    for error in body.get("errors", ()):
        code = error["extensions"]["code"]
        assert code not in impossible, error
        where = () if body.get("data") is None else position(body["data"], error.get("path", ()))
        found.setdefault(where, set()).add(code)
    return found
