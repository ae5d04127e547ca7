"""A stream ends with its key, its token and its server, and says why."""

import asyncio
import os
import signal
import time
import uuid

import pytest
from support.graphs import running_graph
from support.issuers import issuing
from support.streams import EVENTS, EventSource, closed, connected, read, send

from api.services import open_state
from api.settings.settings import load_settings
from core.secret import Secret
from upstreams.state.api_keys import KeyRecord

pytestmark = pytest.mark.anyio


@pytest.fixture
async def key(box):
    """A key of its own: (id, key)."""
    identity = f"streams-{uuid.uuid4().hex[:8]}"
    async with open_state(load_settings(box.settings_path, {})) as stores:
        record = KeyRecord(identity, identity, ("instruction:read", "client:read"), None)
        await stores.keys.add(record, Secret(identity))
    return identity


ENDS = {
    "revoked": "UPDATE brokergraph.api_key SET revoked_at = now() WHERE id = $1",
    "expired": "UPDATE brokergraph.api_key SET expires_at = now() WHERE id = $1",
    "a scope less": "UPDATE brokergraph.api_key SET scopes = '{client:read}' WHERE id = $1",
    "other agencies": "UPDATE brokergraph.api_key SET agencies = '{2}' WHERE id = $1",
}


@pytest.mark.parametrize("change", ENDS)
async def test_a_stream_ends_when_the_rights_of_its_key_change(graph, database, key, change):
    async with (
        connected(graph.url, key) as wire,
        EventSource.open(graph.url, EVENTS, key=key) as source,
        connected(graph.url) as other,
    ):
        for identity in ("1", "2"):
            await send(wire, type="subscribe", id=identity, payload={"query": EVENTS})
        await send(other, type="subscribe", id="1", payload={"query": EVENTS})
        await send(wire, type="ping")
        assert await read(wire) == {"type": "pong"}
        await database.execute(ENDS[change], key)

        last = [await read(wire) for _ in range(2)]
        assert {message["id"] for message in last} == {"1", "2"}
        bodies = [message["payload"] for message in last] + [await source.next()]
        assert [body["errors"][0]["extensions"]["code"] for body in bodies] == ["UNAUTHENTICATED"] * 3
        assert await source.next() is None
        assert await closed(wire) == 4403
        await send(other, type="ping")
        assert await read(other) == {"type": "pong"}


async def test_a_connection_without_streams_ends_with_its_key_too(graph, database, key):
    async with connected(graph.url, key) as wire:
        await database.execute(ENDS["revoked"], key)
        assert await closed(wire) == 4403


async def test_a_key_that_expires_later_ends_its_stream_then(graph, database, key):
    await database.execute(
        "UPDATE brokergraph.api_key SET expires_at = now() + interval '2 seconds' WHERE id = $1", key
    )
    async with connected(graph.url, key) as wire:
        await send(wire, type="subscribe", id="1", payload={"query": EVENTS})
        message = await read(wire)
        assert message["payload"]["errors"][0]["message"].startswith("The key or token has expired")
        assert await closed(wire) == 4403


async def test_a_stream_ends_with_its_token(box):
    scopes = '{ desk = ["client:read", "instruction:read"] }'
    with issuing() as issuer, running_graph(box, **issuer.settings, AUTH__OIDC__staff__SCOPES=scopes) as graph:
        short, long = issuer.token(exp=int(time.time()) + 3), issuer.token()
        async with (
            connected(graph.url, short) as wire,
            EventSource.open(graph.url, EVENTS, key=short) as source,
            connected(graph.url, long) as other,
        ):
            await send(wire, type="subscribe", id="1", payload={"query": EVENTS})
            message = await read(wire)
            bodies = message["payload"], await source.next()
            assert [body["errors"][0]["message"].split(".")[0] for body in bodies] == [
                "The key or token has expired"
            ] * 2
            assert await source.next() is None
            assert await closed(wire) == 4403
            await send(other, type="ping")
            assert await read(other) == {"type": "pong"}


async def test_streams_end_when_the_server_stops(box):
    with running_graph(box) as graph:
        async with connected(graph.url) as wire, EventSource.open(graph.url, EVENTS) as source:
            await send(wire, type="subscribe", id="1", payload={"query": EVENTS})
            await send(wire, type="ping")
            assert await read(wire) == {"type": "pong"}
            os.kill(graph.process.pid, signal.SIGTERM)
            assert await source.next() is None
            assert source.ids == []
            assert await closed(wire) == 1012
        await asyncio.to_thread(graph.process.join, 30)
        assert graph.process.exitcode == 0


async def test_what_ended_and_what_did_not_begin_is_counted(box):
    with running_graph(box) as graph:
        async with connected(graph.url) as wire:
            await send(wire, type="subscribe", id="1", payload={"query": EVENTS})
            await send(wire, type="subscribe", id="2", payload={"query": "subscription { nothing }"})
            assert (await read(wire))["type"] == "error"
            headers = {"authorization": "Bearer demo-operator"}
            during = graph.client.get(f"{graph.url}/metrics", headers=headers).text
            await send(wire, type="complete", id="1")
            await send(wire, type="ping")
            assert await read(wire) == {"type": "pong"}
            after = graph.client.get(f"{graph.url}/metrics", headers=headers).text

    assert "brokergraph_streams 1.0" in during
    assert "brokergraph_streams 0.0" in after
    assert 'brokergraph_streams_ended_total{reason="unsubscribed"} 1.0' in after
