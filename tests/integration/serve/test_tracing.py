"""Traces: they arrive in a real receiver with their parents, and nothing but names and numbers is in them."""

import asyncio
import json
import socket
import sys
import uuid
from contextlib import asynccontextmanager

import pytest
from support.graphs import running_graph
from support.mutations import DEPOSIT, new_key
from support.served import QUERY, serving
from support.spans import attributes, receiving_spans, tracing_to
from support.streams import EventSource, connected, read, send

TOKEN = "CANARY-COLLECTOR-TOKEN"
PARENT = "00f067aa0ba902b7"
DASHBOARD = """query Dashboard($number: Int!) { client(by: { clientNumber: $number }) { fullName
  balances { currency balance } tradingAccounts(first: 3) { nodes { login live { balance } } } } }"""
FOLLOWED = "subscription ($id: ID!) { instructionUpdated(id: $id) { status account { login live { balance } } } }"
OURS = {"brokergraph.errors", "brokergraph.upstream", "brokergraph.connection", "brokergraph.outcome", "error.type",
        "brokergraph.objects", "graphql.operation.type", "graphql.operation.name"}  # fmt: skip

pytestmark = pytest.mark.usefixtures("well_behaved")


@pytest.fixture(scope="module")
def receiver():
    with receiving_spans() as running:
        yield running


@pytest.fixture(scope="module")
def graph(box, receiver):
    headers = {"TRACING__HEADERS__authorization": f"Bearer {TOKEN}"}
    with running_graph(box, **tracing_to(receiver, **headers)) as running:
        yield running


def ask(graph, query, variables, identity, *, sampled=True, **more):
    """Send a request as a part of the trace with this identity."""
    headers = {
        "authorization": "Bearer demo-operator",
        "content-type": "application/json",
        "traceparent": f"00-{identity}-{PARENT}-{'01' if sampled else '00'}",
    }
    body = json.dumps({"query": query, "variables": variables, **more})
    return graph.client.post(f"{graph.url}/graphql", content=body, headers=headers)


def test_the_spans_of_a_dashboards_query_arrive_with_their_parents(graph, receiver):
    identity = "0af7651916cd43dd8448eb211c80319c"
    answer = ask(graph, DASHBOARD, {"number": 500608}, identity, operationName="Dashboard")
    assert "errors" not in answer.json()

    spans = {span.span_id: span for span in receiver.trace(identity, 10)}
    [root] = [span for span in spans.values() if span.parent_span_id.hex() == PARENT]
    calls = [span for span in spans.values() if "brokergraph.upstream" in attributes(span)]

    assert root.name == "query"
    assert attributes(root) == {
        "graphql.operation.type": "query", "graphql.operation.name": "Dashboard", "brokergraph.errors": 0}  # fmt: skip
    above = {(span.name, spans[span.parent_span_id].name) for span in spans.values() if span is not root}
    assert above >= {
        ("Query", "query"),
        ("ERP_DATABASE", "Query"),
        ("Client", "Query"),
        ("TradingAccountConnection", "Client"),
        ("TradingAccount", "TradingAccountConnection"),
        ("CPLUGIN", "TradingAccount"),
    }
    assert {span.name: attributes(span) for span in spans.values() if span.name in {"Client", "TradingAccount"}} == {
        "Client": {"brokergraph.objects": 1},
        "TradingAccount": {"brokergraph.objects": 3},
    }
    assert {(attributes(span)["brokergraph.upstream"], attributes(span)["brokergraph.outcome"]) for span in calls} == {
        (span.name, "ok") for span in calls
    }
    assert {attributes(span)["brokergraph.connection"] for span in calls if span.name == "CPLUGIN"} & {"main", "legacy"}
    assert all(
        root.start_time_unix_nano <= span.start_time_unix_nano < span.end_time_unix_nano for span in spans.values()
    )


def test_a_failed_call_has_its_reason_as_its_outcome(graph, receiver, well_behaved):
    identity = "1af7651916cd43dd8448eb211c80319c"
    well_behaved.tell("cplugin", "/misbehave", {"fault": "status", "status": 500})
    assert "errors" in ask(graph, DASHBOARD, {"number": 500608}, identity).json()

    spans = receiver.trace(identity, 4)
    failed = [span for span in spans if span.name == "CPLUGIN"]
    assert {attributes(span)["brokergraph.outcome"] for span in failed} == {"UPSTREAM_UNAVAILABLE"}
    [root] = [span for span in spans if span.name == "query"]
    assert attributes(root)["brokergraph.errors"] > 0
    assert {span.status.code for span in (root, *failed)} == {2}


def test_a_mutation_is_traced_to_its_vendor(graph, receiver):
    identity = "2af7651916cd43dd8448eb211c80319c"
    account = {"account": {"server": "R1", "login": "61436"}}
    chosen = {"account": account, "amount": "1", "currency": "USD", "idempotencyKey": new_key()}
    assert ask(graph, DEPOSIT, {"input": chosen}, identity).json()["data"]["deposit"]

    spans = receiver.trace(identity, 3)
    assert {"mutation", "CPLUGIN"} <= {span.name for span in spans}


def test_no_span_has_an_attribute_with_text_of_a_request_or_of_an_answer(graph, receiver):
    identity = "3af7651916cd43dd8448eb211c80319c"
    search = "query ($s: String!) { clients(filter: { search: $s }) { nodes { fullName email } } }"
    ask(graph, search, {"s": "canary@variable.example"}, identity)
    receiver.trace(identity, 2)

    assert {name for span in receiver.spans for name in attributes(span)} <= OURS
    sent = b"".join(receiver.raw)
    assert [word for word in (b"CANARY", b"canary", b"demo-operator", b"500608", b"127.0.0.1") if word in sent] == []
    assert {headers["authorization"] for headers in receiver.headers} == {f"Bearer {TOKEN}"}
    assert {one.key: one.value.string_value for one in receiver.resources[0].resource.attributes}[
        "service.name"
    ] == "brokergraph"


def streamed(way, identity):
    """How a client sends `traceparent` with a subscription: headers, and members of the request."""
    header = f"00-{identity}-{PARENT}-01"
    extensions = {"extensions": {"traceparent": header}}
    match way:
        case "upgrade":
            return {"additional_headers": {"traceparent": header}}, {}
        case "payload":
            other = f"00-{'1' * 32}-{PARENT}-01"
            return {"additional_headers": {"traceparent": other}}, extensions
        case "wrong payload":
            return {"additional_headers": {"traceparent": header}}, {"extensions": {"traceparent": ["CANARY"]}}
    return {"headers": {"traceparent": header}}, {}


@asynccontextmanager
async def following(graph, identity, way, number):
    """The first answer of a subscription to the instruction with this id, traced in one of the ways."""
    more, members = streamed(way, identity)
    if way == "event stream":
        async with EventSource.open(graph.url, FOLLOWED, {"id": number}, **more) as stream:
            yield await stream.next()
    else:
        async with connected(graph.url, **more) as wire:
            payload = {"query": FOLLOWED, "variables": {"id": number}, **members}
            await send(wire, type="subscribe", id="1", payload=payload)
            yield (await read(wire))["payload"]


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["upgrade", "payload", "wrong payload", "event stream"])
async def test_a_subscription_continues_the_trace_of_its_client(graph, receiver, way):
    identity = uuid.uuid4().hex
    account = {"account": {"server": "R1", "login": "61436"}}
    chosen = {"account": account, "amount": "1", "currency": "USD", "idempotencyKey": new_key()}
    paid = ask(graph, DEPOSIT, {"input": chosen}, uuid.uuid4().hex, sampled=False).json()["data"]["deposit"]

    async with following(graph, identity, way, paid["instruction"]["id"]) as answer:
        assert answer["data"]["instructionUpdated"]["account"]["live"]["balance"]

    spans = {span.span_id: span for span in await asyncio.to_thread(receiver.trace, identity, 4)}
    [root] = [span for span in spans.values() if span.parent_span_id.hex() == PARENT]
    above = {(span.name, spans[span.parent_span_id].name) for span in spans.values() if span is not root}
    assert root.name == "subscription"
    assert above >= {("Subscription", "subscription"), ("CPLUGIN", "Subscription")}


@pytest.mark.anyio
async def test_an_operation_of_a_socket_is_traced_by_the_ratio(box):
    with receiving_spans() as receiver:
        with running_graph(box, **tracing_to(receiver, TRACING__SAMPLE_RATIO="1")) as graph:
            async with connected(graph.url) as wire:
                payload = {"query": DASHBOARD, "variables": {"number": 500608}}
                await send(wire, type="subscribe", id="1", payload=payload)
                assert (await read(wire))["payload"]["data"]
                payload = {"query": 'subscription { instructionUpdated(id: "7") { id } }'}
                await send(wire, type="subscribe", id="2", payload=payload)
                while (await read(wire))["id"] != "2":
                    pass
        # What is left is sent when the server stops.
        assert {"query", "subscription", "CPLUGIN"} <= {span.name for span in receiver.spans}
        assert len({span.trace_id for span in receiver.spans}) == 2


@pytest.mark.parametrize("ratio,sampled,number", [("0", True, 1), ("1", False, 0)], ids=["sampled", "not sampled"])
def test_the_header_decides_instead_of_the_ratio(box, ratio, sampled, number):
    with receiving_spans() as receiver:
        with running_graph(box, **tracing_to(receiver, TRACING__SAMPLE_RATIO=ratio)) as graph:
            ask(graph, "{ viewer { name } }", {}, "4af7651916cd43dd8448eb211c80319c", sampled=sampled)
        assert [span.name for span in receiver.spans if span.name == "query"] == ["query"] * number


def test_a_collector_that_never_answers_stops_no_request_and_no_server(acme):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings = {"ENABLED": "true", "SAMPLE_RATIO": "1", "ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}/"}
        variables = {f"BROKERGRAPH_TRACING__{name}": value for name, value in settings.items()}
        with serving(acme.operator.having(**variables, BROKERGRAPH_SERVER__DRAIN_SECONDS="0")) as served:
            for _ in range(20):
                assert "data" in served.ask(QUERY, acme.key)
            assert served.stop() == 0


def test_without_the_extra_the_start_says_so(acme, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    done = acme.operator.having(BROKERGRAPH_TRACING__ENABLED="true").run_here("serve")

    assert done.exit_code == 1
    [line] = done.output.strip().splitlines()
    assert "tracing.enabled" in line
    assert "brokergraph[otel]" in line
