"""Composers and a gateway that others wrote take the graph as a subgraph."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.boxes import RunningBox
from support.graphs import Graph, running_graph
from support.node import installed, node, start_module
from support.served import query

from resolvers.federation import subgraph

HERE = Path(__file__).parent
DESK = (HERE / "desk.graphql").read_text()
TICKETS = """{ tickets { subject client { fullName agency balances { currency balance } }
  account { status live { balance } client { clientNumber } } } }"""
ACCOUNTS = """SELECT t.client_number, t.server, t.login, c.full_name, c.agency FROM brokergraph_erp.trading_account t
  JOIN brokergraph_erp.client c USING (client_number)
  WHERE t.server IN ('R1', 'R3') AND c.agency = ANY($1) ORDER BY t.client_number, t.login LIMIT 20"""


def composed(composer: str, graph_url: str, desk_url: str) -> dict[str, Any]:
    subgraphs = [
        {"name": "brokergraph", "url": graph_url, "sdl": subgraph()},
        {"name": "desk", "url": desk_url, "sdl": DESK},
    ]
    return json.loads(node(installed(HERE) / "compose.mjs", composer, asked=subgraphs))


@pytest.mark.parametrize("composer", ["apollo", "theguild"])
def test_a_composer_accepts_the_subgraph(composer):
    result = composed(composer, "http://127.0.0.1:1/graphql", "http://127.0.0.1:2/graphql")

    assert result["errors"] == []
    assert 'key: "clientNumber"' in result["supergraph"]
    assert 'key: "server { name } login"' in result["supergraph"]


@pytest.fixture(scope="module")
def graph(box: RunningBox) -> Iterator[Graph]:
    with running_graph(box, FEDERATION__ENABLED="true") as running:
        yield running


def ticket(row: Any) -> dict[str, Any]:
    reference = {"__typename": "TradingAccount", "server": {"name": row["server"]}, "login": row["login"]}
    client = {"__typename": "Client", "clientNumber": row["client_number"]}
    return {"subject": f"About {row['login']}", "client": client, "account": reference}


@pytest.fixture(scope="module")
def gateway(graph: Graph, box: RunningBox) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Asks the gateway with a key."""
    tickets = [ticket(row) for row in query(box.database_url, ACCOUNTS, [1, 2])]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    child = start_module((HERE / "gateway.mjs").read_text(), installed(HERE), {}, **pipes)

    def tell(**message: Any) -> str:
        child.stdin.write(json.dumps(message) + "\n")
        child.stdin.flush()
        return child.stdout.readline().strip()

    try:
        desk_url = tell(tickets=tickets, sdl=DESK)
        supergraph = composed("theguild", f"{graph.url}/graphql", desk_url)["supergraph"]
        url = tell(supergraph=supergraph)

        def ask(key: str) -> dict[str, Any]:
            headers = {"authorization": f"Bearer {key}"}
            return httpx.post(url, json={"query": TICKETS}, headers=headers, timeout=60).json()

        yield ask
    finally:
        child.kill()
        child.communicate()


def expected(row: Any) -> tuple[str, int, int]:
    return row["full_name"], row["agency"], row["client_number"]


def requests_of(graph: Graph) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in graph.written().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "graphql.request"]


def test_a_query_across_two_subgraphs_costs_one_request_and_one_batch_for_each_type(graph, gateway, box, well_behaved):
    gateway("demo-operator")
    well_behaved.reset()
    before = len(requests_of(graph))
    body = gateway("demo-operator")

    assert "errors" not in body, body["errors"]
    rows = query(box.database_url, ACCOUNTS, [1, 2])
    found = [
        (one["client"]["fullName"], one["client"]["agency"], one["account"]["client"]["clientNumber"])
        for one in body["data"]["tickets"]
    ]
    assert found == [expected(row) for row in rows]
    assert len(requests_of(graph)) - before == 1


def test_a_gateway_shows_no_client_of_another_agency(gateway, box):
    body = gateway("demo-partner")

    rows = query(box.database_url, ACCOUNTS, [1, 2])
    found = [one["client"] and one["client"]["fullName"] for one in body["data"]["tickets"]]
    assert found == [row["full_name"] if row["agency"] == 1 else None for row in rows]
    assert None in found
    assert any(found)
