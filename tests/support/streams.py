"""Streams as clients read them: one class for each transport, with the same methods."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import websockets
from websockets.exceptions import ConnectionClosed

from support.clients import http_client
from support.polling import PATIENCE_SECONDS

SUBPROTOCOL = "graphql-transport-ws"
EVENTS = """subscription ($after: String, $filter: InstructionFilter) {
  instructionEvents(after: $after, filter: $filter) { cursor event { status actor }
    instruction { id kind status } } }"""
UPDATED = "subscription ($id: ID!) { instructionUpdated(id: $id) { id status } }"


def address_of(url):
    return f"{url.replace('http', 'ws', 1)}/graphql"


@asynccontextmanager
async def connected(url, key="demo-operator", *, subprotocol=SUBPROTOCOL, **more):
    """A WebSocket connection whose session is acknowledged, if it has a key."""
    async with websockets.connect(
        address_of(url), subprotocols=[subprotocol], open_timeout=PATIENCE_SECONDS, **more
    ) as wire:
        if key is not None:
            await send(wire, type="connection_init", payload={"Authorization": f"Bearer {key}"})
            assert await read(wire) == {"type": "connection_ack"}
        yield wire


async def send(wire, **message):
    await wire.send(json.dumps(message))


async def read(wire):
    async with asyncio.timeout(PATIENCE_SECONDS):
        return json.loads(await wire.recv())


async def closed(wire):
    """The close code; messages before it are dropped."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            while True:
                await wire.recv()
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else None


class SocketStream:
    """One operation on a connection of its own."""

    def __init__(self, wire, identity="1"):
        self.wire = wire
        self.identity = identity

    @classmethod
    @asynccontextmanager
    async def open(cls, url, query, variables=None, key="demo-operator"):
        async with connected(url, key) as wire:
            payload = {"query": query, "variables": variables}
            await send(wire, type="subscribe", id="1", payload=payload)
            yield cls(wire)

    async def next(self):
        """The body of the next answer; None at the end."""
        message = await read(self.wire)
        assert message["id"] == self.identity
        if message["type"] == "error":
            return {"errors": message["payload"]}
        return message["payload"] if message["type"] == "next" else None


class EventSource:
    """One operation by server-sent events."""

    def __init__(self, response):
        self.response = response
        self.ids = []
        self._lines = response.aiter_lines()

    @classmethod
    @asynccontextmanager
    async def open(cls, url, query, variables=None, key="demo-operator", headers=None, method="POST"):
        sent = {"authorization": f"Bearer {key}", "accept": "text/event-stream", **(headers or {})}
        body = {"query": query, "variables": variables or {}}
        if method == "GET":
            more = {"params": {"query": query, "variables": json.dumps(variables or {})}}
        else:
            more = {"content": json.dumps(body)}
            sent["content-type"] = "application/json"
        async with (
            http_client(timeout=httpx.Timeout(PATIENCE_SECONDS)) as client,
            client.stream(method, f"{url}/graphql", headers=sent, **more) as response,
        ):
            yield cls(response)

    async def next(self):
        """The body of the next answer; None at the end."""
        event, data = None, None
        async for line in self._lines:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "event":
                    event = value
                case "id":
                    self.ids.append(value)
                case "data":
                    data = value
                case "" if event == "next":
                    if not line:
                        return json.loads(data)
                case "" if event == "complete" and not line:
                    return None
        return None


TRANSPORTS = [SocketStream, EventSource]
