"""A client that does not read: the server keeps little for it, the log ends with the place to continue, and a state
stream gives the newest value.
"""

import asyncio
import json
import socket
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.graphs import running_graph
from support.ledgers import confirmed_instruction

from core.secret import Secret
from upstreams.postgres.database import Database, DatabaseConfig

pytestmark = pytest.mark.anyio

QUERY = """subscription { instructionEvents { cursor event { status note actor }
  instruction { id kind status idempotencyKey events { status actor note } } } }"""
HEAD = "POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer demo-operator\r\naccept: text/event-stream\r\n"


@pytest.fixture(scope="module")
def graph(box):
    with running_graph(box, STREAMS__QUEUE_EVENTS="16") as running:
        yield running


def slow_client(graph):
    """A connection that takes few bytes and is read by hand."""
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    wire.settimeout(30)
    parts = urlsplit(graph.url)
    wire.connect((parts.hostname, parts.port))
    body = json.dumps({"query": QUERY}).encode()
    wire.sendall(f"{HEAD}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
    return wire


def resident(graph):
    """MiB of the server."""
    return int(Path(f"/proc/{graph.process.pid}/statm").read_text().split()[1]) * 4096 / 2**20


def rest_of(wire):
    """All bytes until the stream is complete."""
    found = b""
    while b"event: complete" not in found:
        found += wire.recv(65536)
    return found.decode()


async def write(database, number):
    for one in range(number):
        await confirmed_instruction(database, f"slow-{uuid.uuid4()}-{one}")


async def test_a_client_that_does_not_read_ends_with_the_place_to_continue(graph, box):
    database = Database(DatabaseConfig(url=Secret(box.database_url)), label="STATE_DATABASE")
    try:
        with slow_client(graph) as wire:
            await asyncio.to_thread(wire.recv, 16)
            before = resident(graph)
            # More than the buffers of both sides hold, and then some time without reading.
            await write(database, 150)
            await asyncio.sleep(6)
            await write(database, 30)
            await asyncio.sleep(1)
            grown = resident(graph) - before
            text = await asyncio.to_thread(rest_of, wire)
    finally:
        await database.close()

    answers = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    assert answers[-1]["errors"][0]["extensions"]["code"] == "STREAM_BEHIND"
    assert answers[-1]["errors"][0]["extensions"]["cursor"] == answers[-2]["data"]["instructionEvents"]["cursor"]
    assert "id: finished" not in text
    assert grown < 32
