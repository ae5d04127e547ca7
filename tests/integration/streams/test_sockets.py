"""The protocol graphql-transport-ws: its close codes, its limits, and operations that are no streams."""

import asyncio
import json
from contextlib import suppress

import httpx
import pytest
import websockets
from support.graphs import running_graph
from support.mutations import DEPOSIT, new_key
from support.streams import EVENTS, address_of, closed, connected, read, send
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytestmark = pytest.mark.anyio
VIEWER = {"query": "{ viewer { name } }"}


@pytest.fixture(scope="module")
def graph(box):
    settings = {
        "STREAMS__INIT_TIMEOUT_SECONDS": "0.5",
        "STREAMS__PER_CONNECTION_MAX": "3",
        "STREAMS__PER_CALLER_MAX": "4",
        "STREAMS__PER_PROCESS_MAX": "5",
        "HTTP__CORS_ORIGINS": '["https://dashboard.example.com"]',
    }
    with running_graph(box, **settings) as running:
        yield running


async def subscribe(wire, identity, query=EVENTS):
    await send(wire, type="subscribe", id=identity, payload={"query": query})


@pytest.mark.parametrize(
    "messages, code",
    [
        pytest.param([], 4408, id="silent"),
        pytest.param(["no JSON"], 4400, id="no JSON"),
        pytest.param([b"{}"], 4400, id="binary"),
        pytest.param(["[]"], 4400, id="no object"),
        pytest.param(['{"type":"subscribe","id":"1","payload":{"query":"{a}"}}'], 4401, id="not initialised"),
        pytest.param(['{"type":"connection_init"}'], 4403, id="no key"),
        pytest.param(['{"type":"connection_init","payload":{"Authorization":"Bearer x"}}'], 4403, id="wrong key"),
        pytest.param(['{"type":"connection_init","payload":7}'], 4403, id="payload is no object"),
    ],
)
async def test_a_connection_that_is_not_initialised_is_closed(graph, messages, code):
    async with connected(graph.url, key=None) as wire:
        for message in messages:
            await wire.send(message)
        assert await closed(wire) == code


@pytest.mark.parametrize(
    "message, code",
    [
        pytest.param({"type": "connection_init"}, 4429, id="second initialisation"),
        pytest.param({"type": "other"}, 4400, id="unknown type"),
        pytest.param({"type": "subscribe", "id": "", "payload": VIEWER}, 4400, id="empty id"),
        pytest.param({"type": "subscribe", "id": 1, "payload": VIEWER}, 4400, id="id is a number"),
        pytest.param({"type": "subscribe", "id": "1"}, 4400, id="no payload"),
        pytest.param({"type": "complete"}, 4400, id="complete without an id"),
    ],
)
async def test_a_wrong_message_closes_the_connection(graph, message, code):
    async with connected(graph.url) as wire:
        await send(wire, **message)
        assert await closed(wire) == code


async def test_an_id_that_is_in_use_closes_the_connection(graph):
    async with connected(graph.url) as wire:
        await subscribe(wire, "1")
        await subscribe(wire, "1")
        assert await closed(wire) == 4409


async def test_another_subprotocol_is_refused(graph):
    async with connected(graph.url, key=None, subprotocol="graphql-ws") as wire:
        assert await closed(wire) == 4406


@pytest.mark.parametrize(
    "origin, accepted",
    [("https://evil.example.com", False), ("https://dashboard.example.com", True), (None, True), ("own", True)],
)
async def test_only_pages_of_known_origins_connect(graph, origin, accepted):
    origin = graph.url if origin == "own" else origin
    if accepted:
        async with connected(graph.url, origin=origin):
            return
    with pytest.raises(InvalidStatus) as refused:
        async with connected(graph.url, origin=origin):
            pass
    assert refused.value.response.status_code == 403


async def test_a_ping_is_answered_with_its_payload(graph):
    async with connected(graph.url, key=None) as wire:
        await send(wire, type="ping", payload={"a": 1})
        assert await read(wire) == {"type": "pong", "payload": {"a": 1}}


async def test_the_key_may_be_in_the_header_of_the_handshake(graph):
    headers = {"authorization": "Bearer demo-operator"}
    async with connected(graph.url, key=None, additional_headers=headers) as wire:
        await send(wire, type="connection_init")
        assert await read(wire) == {"type": "connection_ack"}


async def test_queries_and_mutations_run_beside_streams(graph, database):
    login = await database.fetchval("SELECT login FROM brokergraph_erp.trading_account WHERE server = 'R3' LIMIT 1")
    account = {"account": {"server": "R3", "login": login}}
    variables = {"input": {"account": account, "amount": "1", "currency": "XYZ", "idempotencyKey": new_key()}}
    async with connected(graph.url) as wire:
        await subscribe(wire, "stream")
        await send(wire, type="subscribe", id="query", payload=VIEWER)
        assert await read(wire) == {
            "id": "query",
            "type": "next",
            "payload": {"data": {"viewer": {"name": "demo-operator"}}},
        }
        assert await read(wire) == {"id": "query", "type": "complete"}
        await send(wire, type="subscribe", id="query", payload={"query": DEPOSIT, "variables": variables})
        answer = await read(wire)
        assert answer["payload"]["data"]["deposit"]["__typename"] == "ValidationFailed"
        assert await read(wire) == {"id": "query", "type": "complete"}
        await send(wire, type="subscribe", id="wrong", payload={"query": "{ nothing }"})
        refused = await read(wire)
        assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "GRAPHQL_VALIDATION_FAILED")


async def test_a_completed_operation_gets_nothing_more_and_its_id_is_free(graph):
    async with connected(graph.url) as wire:
        await subscribe(wire, "1")
        await send(wire, type="complete", id="1")
        await send(wire, type="subscribe", id="1", payload=VIEWER)
        assert (await read(wire))["payload"] == {"data": {"viewer": {"name": "demo-operator"}}}
        assert await read(wire) == {"id": "1", "type": "complete"}


async def test_streams_have_limits_for_a_connection_a_caller_and_the_process(graph):
    async def refused(wire, identity):
        await subscribe(wire, identity)
        message = await read(wire)
        assert (message["id"], message["type"]) == (identity, "error")
        assert message["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
        return message["payload"][0]["message"]

    async with connected(graph.url) as one, connected(graph.url) as two, connected(graph.url, "demo-partner") as three:
        for identity in "abc":
            await subscribe(one, identity)
        assert "connection" in await refused(one, "d")
        await subscribe(two, "a")
        assert "caller" in await refused(two, "b")
        await subscribe(three, "a")
        assert "server" in await refused(three, "b")
        await send(one, type="complete", id="a")
        await asyncio.sleep(0.1)
        await subscribe(three, "b")
        await send(three, type="ping")
        assert await read(three) == {"type": "pong"}


async def test_ten_thousand_subscribes_are_refused_one_by_one(graph):
    async with connected(graph.url, max_queue=None) as wire:
        reading = asyncio.create_task(count_errors(wire, 1000))
        for number in range(1003):
            await subscribe(wire, str(number))
        assert await reading == 1000


async def count_errors(wire, number):
    found = 0
    while found < number:
        found += (await read(wire))["type"] == "error"
    return found


async def test_a_message_in_fragments_is_one_message(graph):
    async with connected(graph.url) as wire:
        text = json.dumps({"type": "subscribe", "id": "1", "payload": VIEWER})
        await wire.send([text[:20], text[20:40], text[40:]])
        assert (await read(wire))["type"] == "next"


async def test_a_message_that_is_too_large_closes_the_connection(graph):
    async with connected(graph.url) as wire:
        # The server closes while the client still sends.
        with suppress(ConnectionClosed):
            await wire.send("x" * 3_000_000)
        assert await closed(wire) == 1009


async def test_a_flood_of_pings_leaves_others_unharmed(graph):
    async with connected(graph.url, key=None) as flooding, connected(graph.url) as other:
        for _ in range(2000):
            await flooding.ping()
        await send(other, type="subscribe", id="1", payload=VIEWER)
        assert (await read(other))["type"] == "next"


async def test_a_socket_is_served_only_at_the_graph(graph):
    with pytest.raises(InvalidStatus) as refused:
        await websockets.connect(address_of(graph.url).replace("/graphql", "/metrics"))
    assert refused.value.response.status_code == 403


URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)


@pytest.mark.parametrize(
    "accept, query, content_type",
    [
        pytest.param(URQL, VIEWER["query"], "application/graphql-response+json", id="urql, query"),
        pytest.param(URQL, EVENTS, "text/event-stream", id="urql, subscription"),
        pytest.param("text/event-stream", VIEWER["query"], "text/event-stream", id="stream only, query"),
        pytest.param("text/event-stream, */*;q=0.1", VIEWER["query"], "text/event-stream", id="preferred, query"),
        pytest.param("application/json", EVENTS, "application/json", id="JSON, subscription"),
        pytest.param("*/*", EVENTS, "application/json", id="anything, subscription"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_accept_header_and_the_operation_choose_the_transport(graph, method, accept, query, content_type):
    headers = {"authorization": "Bearer demo-operator", "accept": accept}
    sent = {"params": {"query": query}} if method == "GET" else {"json": {"query": query}}
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream(method, f"{graph.url}/graphql", headers=headers, **sent) as response,
    ):
        assert response.headers["content-type"].partition(";")[0] == content_type
        assert response.status_code == 200


async def test_a_mutation_is_no_stream_by_get(graph):
    headers = {"authorization": "Bearer demo-operator", "accept": "text/event-stream"}
    async with httpx.AsyncClient(timeout=30) as client:
        params = {"query": 'mutation { declineInstruction(input: {id: "x"}) { __typename } }'}
        response = await client.get(f"{graph.url}/graphql", headers=headers, params=params)
    assert response.status_code == 400
