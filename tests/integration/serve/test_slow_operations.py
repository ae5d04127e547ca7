"""The log of slow operations: what was slow and what it called, without what it asked for."""

import json

import pytest
from support.graphs import running_graph
from support.streams import connected, read, send

LIVE = """query Dashboard($number: Int!) { client(by: { clientNumber: $number }) {
  tradingAccounts(first: 2) { nodes { live { balance } } } } }"""
SLOW = {"fault": "latency", "seconds": 0.6}

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def watching(box):
    with running_graph(box, SERVER__SLOW_SECONDS="0.5") as running:
        yield running


def slow(graph):
    lines = [json.loads(line) for line in graph.written().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "graphql.slow"]


def test_a_slow_operation_is_logged_with_its_calls(watching, well_behaved):
    before = len(slow(watching))
    watching.post(LIVE, {"number": 500608}, operationName="Dashboard")
    assert len(slow(watching)) == before

    well_behaved.tell("cplugin", "/misbehave", SLOW)
    well_behaved.tell("broker_work", "/misbehave", SLOW)
    answer = watching.post(LIVE, {"number": 500608}, operationName="Dashboard")

    line = slow(watching)[-1]
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["operation"], line["caller"], line["level"]) == ("Dashboard", "demo-operator", "warning")
    assert line["seconds"] > 0.5
    assert line["calls"].keys() == line["keys"].keys() == line["milliseconds"].keys() >= {"ERP_DATABASE"}
    assert max(line["milliseconds"].values()) > 500
    assert "500608" not in json.dumps(line)


async def test_a_slow_operation_of_a_socket_is_logged_too(watching, well_behaved):
    before = len(slow(watching))
    well_behaved.tell("cplugin", "/misbehave", SLOW)
    well_behaved.tell("broker_work", "/misbehave", SLOW)
    async with connected(watching.url) as wire:
        payload = {"query": LIVE, "variables": {"number": 500608}}
        await send(wire, type="subscribe", id="1", payload=payload)
        assert (await read(wire))["payload"]["data"]

    assert len(slow(watching)) == before + 1


def test_nothing_is_slow_without_the_setting(box, well_behaved):
    with running_graph(box) as graph:
        well_behaved.tell("cplugin", "/misbehave", SLOW)
        graph.post(LIVE, {"number": 500608})
        assert slow(graph) == []
