"""Clients that others wrote, used as their documentation shows, play one scenario: read, page, deposit, replay, err."""

import json
import uuid
from pathlib import Path

import pytest
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportQueryError, TransportServerError
from gql.transport.httpx import HTTPXAsyncTransport
from support.graphs import running_graph
from support.node import installed, node

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def graph(box):
    with running_graph(box, SERVER__INTROSPECTION="false", RECONCILIATION__ENABLED="false") as running:
        yield running


@pytest.fixture
async def order(database):
    row = await database.fetchrow(
        """SELECT a.login, a.currency FROM platform.account a JOIN brokergraph_erp.client c USING (client_number)
           JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
           WHERE a.server = 'R1' AND a.client_number > 600000 AND c.identity_locked AND c.erp_status IN (4, 5)
                 AND a.enabled AND NOT a.read_only ORDER BY a.login DESC LIMIT 1"""
    )
    return {"server": "R1", "login": str(row["login"]), "currency": row["currency"], "key": f"client-{uuid.uuid4()}"}


async def assert_as_promised(report, database, order):
    total = report["read"]["totalFloatingBalance"]
    assert (total["amount"], total["currency"]) == ("72888.65", "ILS")
    assert report["unsupported"] == {"login": "71001", "live": None}
    assert len(report["pages"]) == 9
    assert report["pages"] == sorted(set(report["pages"]))
    assert report["first"]["__typename"] == "DepositConfirmed"
    assert report["first"]["instruction"]["status"] == "CONFIRMED"
    assert report["replay"] == report["first"]
    assert report["conflict"]["__typename"] == "IdempotencyConflict"
    assert report["conflict"]["original"]["id"] == report["first"]["instruction"]["id"]
    assert report["forbidden"]["codes"] == ["FORBIDDEN"]
    assert report["wrong"] == {"codes": ["GRAPHQL_VALIDATION_FAILED"], "locations": 1}
    assert report["stranger"]["codes"] == ["UNAUTHENTICATED"]
    booked = await database.fetchval(
        "SELECT count(*) FROM platform.deal d JOIN brokergraph.instruction i ON i.reference = d.comment"
        " WHERE i.idempotency_key = $1",
        order["key"],
    )
    assert booked == 1


@pytest.mark.parametrize("client", ["apollo", "urql", "graphql-request"])
async def test_clients_of_javascript_play_the_scenario(graph, database, order, client):
    script = installed(HERE) / "scenario.mjs"

    report = json.loads(node(script, client, asked={"url": f"{graph.url}/graphql", **order}))

    if client != "graphql-request":
        # It throws away what came beside an error; the others keep the rest of the answer.
        assert report["forbidden"]["data"]["fullName"]
    await assert_as_promised(report, database, order)


READ = "query ($n: Int!) { client(by: {clientNumber: $n}) { fullName totalFloatingBalance { amount currency } } }"
LIVE = '{ tradingAccount(by: { account: { server: "A1", login: "71001" } }) { login live { balance } } }'
PAGE = "query ($after: String) { clients(first: 3, after: $after) { nodes { clientNumber } pageInfo { endCursor } } }"
DEPOSIT = """mutation ($input: DepositInput!) { deposit(input: $input) {
  __typename ... on DepositConfirmed { instruction { id status } } ... on IdempotencyConflict { original { id } } } }"""


async def ask(graph, text, variables, key="demo-operator"):
    """With gql, which raises where there are errors and keeps what came beside them."""
    transport = HTTPXAsyncTransport(url=f"{graph.url}/graphql", headers={"authorization": f"Bearer {key}"})
    try:
        async with Client(transport=transport) as session:
            return {"data": await session.execute(GraphQLRequest(text, variable_values=variables))}
    except TransportQueryError as error:
        return {"data": error.data, "errors": error.errors}
    except TransportServerError as error:
        return {"status": error.code}


async def test_gql_of_python_plays_the_scenario(graph, database, order):
    account = {"account": {"server": order["server"], "login": order["login"]}}
    common = {"account": account, "currency": order["currency"], "idempotencyKey": order["key"]}
    report = {"read": (await ask(graph, READ, {"n": 500608}))["data"]["client"], "pages": []}
    after = None
    for _ in range(3):
        clients = (await ask(graph, PAGE, {"after": after}))["data"]["clients"]
        report["pages"] += [one["clientNumber"] for one in clients["nodes"]]
        after = clients["pageInfo"]["endCursor"]
    report["unsupported"] = (await ask(graph, LIVE, {}))["data"]["tradingAccount"]
    for name, amount in (("first", "3.21"), ("replay", "3.210"), ("conflict", "4.00")):
        told = await ask(graph, DEPOSIT, {"input": common | {"amount": amount}})
        report[name] = told["data"]["deposit"]
    for name, text, key in (
        ("forbidden", READ, "demo-reader"),
        ("wrong", "{ client(by: {}) { fullName } }", "demo-operator"),
        ("stranger", READ, "nobody"),
    ):
        told = await ask(graph, text, {"n": 500608} if "$n" in text else None, key)
        errors = told.get("errors") or []
        report[name] = {"codes": [error["extensions"]["code"] for error in errors]}
        if name == "wrong":
            report[name]["locations"] = len(errors[0]["locations"])
        if name == "stranger" and told.get("status") == 401:
            report[name]["codes"] = ["UNAUTHENTICATED"]

    await assert_as_promised(report, database, order)
