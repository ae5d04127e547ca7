"""The audit of reads: one line for each request, with the principal and the clients that the request has read."""

import json

import pytest
from support.graphs import running_graph
from support.mutations import deposit
from support.polling import until
from support.streams import connected, read, send

NOA = 500608

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]


@pytest.fixture(scope="module")
def audited(box):
    with running_graph(box, AUDIT__READS="true", SERVER__HOT_AFTER="0") as running:
        yield running


def lines(graph):
    found = [json.loads(line) for line in graph.written().splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == "audit.read"]


QUERIES = {
    "a client": "{ client(by: { clientNumber: 500608 }) { fullName } }",
    "a client by its account": '{ client(by: { account: { server: "R1", login: "61436" } }) { fullName } }',
    "an account": '{ tradingAccount(by: { account: { server: "R1", login: "61436" } }) { balance } }',
    "a page of clients": "{ clients(first: 3) { nodes { clientNumber } } }",
    "a page of accounts": "{ tradingAccounts(first: 3) { nodes { client { clientNumber } } } }",
    "a page by total": """{ clients(first: 3, orderBy: { field: TOTAL_FLOATING_BALANCE, direction: DESC })
      { nodes { clientNumber } } }""",
    "a node": "query ($id: ID!) { node(id: $id) { ... on Client { clientNumber } } }",
}


def numbers(value):
    """All client numbers in an answer."""
    if isinstance(value, dict):
        return {value["clientNumber"]} if "clientNumber" in value else set().union(*map(numbers, value.values()))
    return set().union(*map(numbers, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("name", QUERIES)
def test_a_request_is_logged_with_the_clients_that_it_read(audited, name):
    identity = audited.data("{ client(by: { clientNumber: 500608 }) { id } }")["client"]["id"]
    before = len(lines(audited))
    answer = audited.post(QUERIES[name], {"id": identity} if name == "a node" else None)
    assert "errors" not in answer.json()

    [line] = lines(audited)[before:]
    assert line["principal"] == "demo-operator"
    assert line["request_id"] == answer.headers["x-request-id"]
    expected = numbers(answer.json()["data"])
    assert set(line["clients"]) >= expected if expected else line["clients"]
    if not expected:
        assert len(line["clients"]) == 1
    assert line["total"] == len(line["clients"])
    assert line.keys() == {"event", "level", "timestamp", "principal", "request_id", "clients", "total"}


def test_an_instruction_is_a_read_of_its_client(audited):
    deposit(audited, "R1", "61436")
    before = len(lines(audited))
    found = audited.data("{ instructions(first: 1) { nodes { client { clientNumber } } } }")
    [line] = lines(audited)[before:]
    assert line["clients"] == sorted(numbers(found))


def test_a_request_that_reads_many_clients_has_lines_with_all_of_them(audited):
    before = len(lines(audited))
    page = "{ clients(first: 150) { nodes { clientNumber } } }"
    found = numbers(audited.data(page))

    first, second = lines(audited)[before:]
    assert [line["clients"] for line in (first, second)] == [sorted(found)[:100], sorted(found)[100:]]
    assert first["total"] == second["total"] == 150
    assert first["request_id"] == second["request_id"]


def test_a_request_that_reads_no_client_has_no_line(audited):
    before = len(lines(audited))
    audited.data("{ viewer { name } upstreams { name } }")
    audited.data("{ client(by: { clientNumber: 1 }) { fullName } }")
    audited.data("{ clients(filter: { agency: [99999] }) { nodes { fullName } } }")
    audited.post("{ nothing }")
    assert len(lines(audited)) == before


async def test_an_operation_of_a_socket_is_logged(audited):
    before = len(lines(audited))
    async with connected(audited.url) as wire:
        await send(wire, type="subscribe", id="1", payload={"query": QUERIES["a client"]})
        assert (await read(wire))["payload"]["data"]
    [line] = lines(audited)[before:]
    assert (line["principal"], line["clients"]) == ("demo-operator", [NOA])


async def test_each_answer_of_a_stream_is_logged(audited):
    before = len(lines(audited))
    async with connected(audited.url) as wire:
        query = "subscription { clientBalancesChanged(clientNumbers: [500608]) { client { fullName } } }"
        await send(wire, type="subscribe", id="1", payload={"query": query})
        assert (await read(wire))["payload"]["data"]
        await until(lambda: len(lines(audited)) > before)
    assert [line["clients"] for line in lines(audited)[before:]] == [[NOA]]


def test_nothing_is_logged_without_the_setting(box):
    with running_graph(box) as graph:
        graph.data(QUERIES["a client"])
        assert lines(graph) == []
