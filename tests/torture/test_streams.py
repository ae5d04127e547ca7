"""Many subscribers of the log hang up and come again, while servers die and the database restarts: no gap, no double.

`make torture` runs it with a thousand subscribers; the suite with some dozens.
"""

import asyncio
import os
import random
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from support.clients import http_client
from support.ledgers import confirmed_instruction
from support.rig import serving
from support.streams import EVENTS, EventSource, SocketStream
from websockets.exceptions import WebSocketException

from core.errors import UpstreamError
from core.secret import Secret
from upstreams.postgres.database import Database, DatabaseConfig

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1800)]

LONG = os.environ.get("TORTURE") == "long"
SEED = os.environ.get("TORTURE_SEED", "1")
SUBSCRIBERS = 1000 if LONG else 16
INSTRUCTIONS = 300 if LONG else 12
# A thousand subscribers of one process answer late.
PATIENCE_SECONDS = 20 if LONG else 2
AWAY = (OSError, httpx.HTTPError, WebSocketException, TimeoutError, AssertionError)
CURSOR = '{"query": "{ instructionEventsCursor }"}'


@asynccontextmanager
async def ledger_database(battlefield):
    database = Database(DatabaseConfig(url=Secret(battlefield.database_url)), label="STATE_DATABASE")
    try:
        yield database
    finally:
        await database.close()


class Subscriber:
    """Follows the log from a cursor to the last event, on any server, and hangs up when it likes."""

    def __init__(self, number, cursor, servers):
        self.dice = random.Random(f"{SEED}/{number}")
        self.transport = self.dice.choice([SocketStream, EventSource])
        self.servers = servers
        self.cursor = cursor
        self.found = []

    async def follow(self, last):
        """Until `last` is set and its event was found."""
        while not (last.done() and self.cursor == last.result()):
            with suppress(*AWAY):
                await self.read(last)
            await asyncio.sleep(self.dice.random() * (5 if LONG else 0.1))

    async def read(self, last):
        url = f"http://127.0.0.1:{self.dice.choice(self.servers).port}"
        left = self.dice.randint(1, 60)
        async with self.transport.open(url, EVENTS, {"after": self.cursor}) as stream:
            while left and not (last.done() and self.cursor == last.result()):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    body = await stream.next()
                if body is None or "errors" in body:
                    return
                event = body["data"]["instructionEvents"]
                self.cursor = event["cursor"]
                if event["event"] is not None:
                    self.found.append((event["instruction"]["id"], event["event"]["status"]))
                left -= 1


async def present_cursor(server):
    headers = {"authorization": "Bearer demo-operator", "content-type": "application/json"}
    async with http_client(timeout=60) as client:
        response = await client.post(f"http://127.0.0.1:{server.port}/graphql", content=CURSOR, headers=headers)
    return response.json()["data"]["instructionEventsCursor"]


async def dying_again_and_again(battlefield, servers, dice):
    """A second server that is killed and replaced."""
    while True:
        async with serving(battlefield.settings_path) as other:
            servers.append(other)
            await asyncio.sleep(dice.uniform(1.0, 3.0))
            other.process.kill()
            await other.ended()
            servers.remove(other)


async def confirm(database, number):
    """An instruction to its end, written again and again while the database restarts."""
    for attempt in range(200):
        try:
            return await confirmed_instruction(database, f"{SEED}-{number}-{attempt}")
        except UpstreamError:
            await asyncio.sleep(0.1)
    raise AssertionError("the database did not come back")


async def numbered(database):
    """Wait until each committed event has its number."""
    for _ in range(600):
        with suppress(OSError, UpstreamError):
            rows = await database.write("SELECT count(*) AS left FROM brokergraph.stream_outbox", seconds=5)
            if rows[0]["left"] == 0:
                return
        await asyncio.sleep(0.05)
    raise AssertionError("events are left without a number")


async def test_no_subscriber_misses_or_doubles_an_event(battlefield, well_behaved, survivor):
    dice, servers = random.Random(SEED), [survivor]
    async with ledger_database(battlefield) as database:
        begin = await present_cursor(survivor)
        last = asyncio.get_running_loop().create_future()
        subscribers = [Subscriber(number, begin, servers) for number in range(SUBSCRIBERS)]
        following = [asyncio.create_task(one.follow(last)) for one in subscribers]
        deaths = asyncio.create_task(dying_again_and_again(battlefield, servers, dice))
        for number in range(INSTRUCTIONS):
            await confirm(database, number)
            if number == INSTRUCTIONS // 2:
                await asyncio.to_thread(well_behaved.tell, "box", "/database/stop?mode=immediate")
                await asyncio.sleep(0.5)
                await asyncio.to_thread(well_behaved.tell, "box", "/database/start")
        deaths.cancel()
        await asyncio.gather(deaths, return_exceptions=True)
        await numbered(database)
        rows = await database.write(
            """SELECT i.status
               FROM brokergraph.stream_event e JOIN brokergraph.instruction_event i USING (instruction_id, sequence)
               ORDER BY e.seq""",
            seconds=10,
        )
        last.set_result(await present_cursor(survivor))
        await asyncio.wait_for(asyncio.gather(*following), 600)

    statuses = [row["status"] for row in rows]
    for one in subscribers:
        assert len(one.found) == len(set(one.found))
        assert [status for _, status in one.found] == statuses[len(statuses) - len(one.found) :]
    assert {len(one.found) for one in subscribers} == {len(subscribers[0].found)}
    assert len(subscribers[0].found) >= 3 * INSTRUCTIONS
