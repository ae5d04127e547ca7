"""The subscribers of bench/live.py, in a process of their own. The request comes as JSON on standard input.

live_driver.py latency    one subscriber, and deposits one after another: milliseconds from each event to its socket
live_driver.py fan_out    many subscribers of the same events: milliseconds to the first, half and the last of them
live_driver.py quiet      opens streams, prints "open", and keeps them until standard input ends
"""

import asyncio
import json
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
import uvloop
import websockets
from machine import cpu_seconds
from support.mutations import DEPOSIT

EVENTS = "subscription { instructionEvents { event { status at } instruction { id } } }"
# One event of each deposit, so that no subscriber waits for the answers to another event.
ONE_EVENT = EVENTS.replace("instructionEvents", "instructionEvents(filter: { statuses: [CONFIRMED] })")
# No event of the bench is a withdrawal, so that these streams are quiet.
QUIET = "subscription { instructionEvents(filter: { kinds: [WITHDRAWAL] }) { cursor event { status } } }"
# The time of RECEIVED is before the checks of the deposit, and not that of its commit.
COMMITTED = {"SENT", "CONFIRMED"}
Asked = dict[str, Any]


@asynccontextmanager
async def socket(asked: Asked, streams: int, query: str) -> AsyncIterator[websockets.ClientConnection]:
    """A connection with so many streams."""
    url = f"{asked['url'].replace('http', 'ws', 1)}/graphql"
    async with websockets.connect(
        url,
        subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
        compression=None,
        max_queue=None,
        ping_interval=None,
    ) as wire:
        await wire.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {asked['key']}"}}))
        assert json.loads(await wire.recv())["type"] == "connection_ack"
        for identity in range(streams):
            await wire.send(json.dumps({"id": str(identity), "type": "subscribe", "payload": {"query": query}}))
        await wire.send(json.dumps({"type": "ping"}))
        assert json.loads(await wire.recv())["type"] == "pong"
        yield wire


async def opened(asked: Asked, number: int) -> None:
    """Wait until the server has so many streams."""
    headers = {"authorization": f"Bearer {asked['key']}"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        text = ""
        while f"brokergraph_streams {number}.0" not in text:
            text = (await client.get(f"{asked['url']}/metrics")).text
    # A stream has its slot shortly before it is attached.
    await asyncio.sleep(0.5)


async def deposit(client: httpx.AsyncClient, asked: Asked) -> None:
    account = {"server": asked["server"], "login": asked["login"]}
    chosen = {
        "account": {"account": account},
        "amount": "1.00",
        "currency": "USD",
        "idempotencyKey": random.randbytes(12).hex(),
    }
    body = {"query": DEPOSIT, "variables": {"input": chosen}}
    headers = {"authorization": f"Bearer {asked['key']}"}
    answer = (await client.post(f"{asked['sender']}/graphql", json=body, headers=headers)).json()
    assert answer["data"]["deposit"]["__typename"] == "DepositConfirmed", answer


async def latency(asked: Asked) -> Asked:
    taken: list[float] = []

    async def read(wire: websockets.ClientConnection) -> None:
        async for message in wire:
            now = time.time()
            event = json.loads(message)["payload"]["data"]["instructionEvents"]["event"]
            if event and event["status"] in COMMITTED:
                taken.append(1000 * (now - datetime.fromisoformat(event["at"]).timestamp()))

    async with socket(asked, 1, EVENTS) as wire, httpx.AsyncClient(timeout=60) as client:
        await opened(asked, 1)
        reader = asyncio.create_task(read(wire))
        for _ in range(asked["deposits"]):
            await deposit(client, asked)
            # Not in step with the polls.
            await asyncio.sleep(random.uniform(0.1, 0.5))
        await asyncio.sleep(1)
        reader.cancel()
    taken.sort()
    return {"events": len(taken), "p50": statistics.median(taken), "p99": taken[int(0.99 * len(taken))]}


async def fan_out(asked: Asked) -> Asked:
    per_socket = 100
    arrived: defaultdict[str, list[float]] = defaultdict(list)

    async def read(wire: websockets.ClientConnection) -> None:
        async for message in wire:
            # Without the id of the stream, all messages of an event are equal.
            arrived[message[message.index('"payload"') :]].append(time.time())

    async with AsyncExitStack() as stack:
        wires = [
            await stack.enter_async_context(socket(asked, per_socket, ONE_EVENT))
            for _ in range(asked["streams"] // per_socket)
        ]
        await opened(asked, asked["streams"])
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        readers = [asyncio.create_task(read(wire)) for wire in wires]
        await deposit(client, asked)
        await asyncio.sleep(2)
        arrived.clear()
        before = cpu_seconds(asked["pids"])
        for _ in range(asked["deposits"]):
            await deposit(client, asked)
            await asyncio.sleep(1.5)
        await asyncio.sleep(2)
        used = cpu_seconds(asked["pids"]) - before
        for reader in readers:
            reader.cancel()
    return counted(arrived, used)


def counted(arrived: dict[str, list[float]], used: float) -> Asked:
    times: dict[str, list[float]] = {"first": [], "middle": [], "last": []}
    for message, when in arrived.items():
        # A bookmark has no event.
        if event := json.loads("{" + message)["payload"]["data"]["instructionEvents"]["event"]:
            at = datetime.fromisoformat(event["at"]).timestamp()
            for name, value in (("first", min(when)), ("middle", statistics.median(when)), ("last", max(when))):
                times[name].append(1000 * (value - at))
    answers = sum(map(len, arrived.values()))
    return {"answers": answers, "cpu_seconds": used, **{name: statistics.median(some) for name, some in times.items()}}


@asynccontextmanager
async def event_source(client: httpx.AsyncClient, asked: Asked) -> AsyncIterator[None]:
    headers = {"authorization": f"Bearer {asked['key']}", "accept": "text/event-stream"}
    async with client.stream("POST", f"{asked['url']}/graphql", json={"query": QUIET}, headers=headers) as answer:
        assert answer.status_code == 200
        yield


async def quiet(asked: Asked) -> Asked:
    async with AsyncExitStack() as stack:
        if asked["transport"] == "sse":
            limits = httpx.Limits(max_connections=None)
            client = await stack.enter_async_context(httpx.AsyncClient(timeout=None, limits=limits))
            for _ in range(asked["streams"]):
                await stack.enter_async_context(event_source(client, asked))
        else:
            for _ in range(asked["streams"] // asked["per_socket"]):
                await stack.enter_async_context(socket(asked, asked["per_socket"], QUIET))
        await opened(asked, asked["streams"])
        sys.stdout.write("open\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    return {}


if __name__ == "__main__":
    modes = {"latency": latency, "fan_out": fan_out, "quiet": quiet}
    asked = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(uvloop.run(modes[sys.argv[1]](asked))))
