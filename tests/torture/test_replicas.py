"""Two replicas with two workers each, behind HAProxy, PgBouncer and Redis, under mixed load.

A rolling restart fails no request. After a death, only requests in flight on the dead process fail. No command is lost
or doubled, and no stream misses an event. `make torture` kills for a minute; the suite once.
"""

import asyncio
import itertools
import os
import random
from contextlib import suppress

import httpx
import pytest
from support.clients import http_client
from support.polling import until
from support.replicas import installed
from support.rig import Order, accounts, assert_books_balance, enrich, settled
from support.streams import EVENTS, EventSource, SocketStream
from websockets.exceptions import WebSocketException

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1800)]

LONG = os.environ.get("TORTURE") == "long"
SEED = os.environ.get("TORTURE_SEED", "1")
READERS, PAYERS = (6, 3) if LONG else (3, 2)
KILLS = 12 if LONG else 1
PAUSE_SECONDS = 5.0 if LONG else 1.5
HEADERS = {"authorization": "Bearer demo-operator", "content-type": "application/json"}
PAGE = """{"query": "{ clients(first: 5) { nodes { clientNumber balances { currency balance }
  tradingAccounts(first: 2) { nodes { login live { balance } } } } } }"}""".replace("\n", "")
CURSOR = '{"query": "{ instructionEventsCursor }"}'
AWAY = (OSError, httpx.HTTPError, WebSocketException, TimeoutError, AssertionError)
FINAL = {"DepositConfirmed"}


class Load:
    """Readers, payers and followers of the log, through the load balancer until `stop` is set."""

    def __init__(self, url, chosen, cursor):
        self.url = url
        self.cursor = cursor
        self.stop = asyncio.Event()
        self.answers, self.failures = 0, []
        self.orders = []
        self._chosen = itertools.cycle(chosen)
        self.found = {}

    async def answered_again(self):
        """Wait until all parts of the load have got answers."""
        enough = self.answers + 10 * (READERS + PAYERS)
        await until(lambda: self.answers >= enough)

    async def read(self):
        async with http_client(timeout=30) as client:
            while not self.stop.is_set():
                await self._ask(client, PAGE, lambda body: body["data"]["clients"]["nodes"])

    async def _ask(self, client, content, check):
        """Ask once. Returns the body of a right answer."""
        try:
            response = await client.post(f"{self.url}/graphql", content=content, headers=HEADERS)
            body = response.json()
            assert response.status_code == 200, (response.status_code, response.text[:200])
            assert check(body), body
        except (httpx.HTTPError, ValueError, AssertionError) as error:
            self.failures.append(repr(error))
            return None
        self.answers += 1
        return body

    async def pay(self):
        async with http_client(timeout=30) as client:
            while not self.stop.is_set():
                order = Order(*next(self._chosen), amount="1")
                self.orders.append(order)
                await self._insist(client, order)
                await asyncio.sleep(0.05)

    async def _insist(self, client, order):
        """Repeat with the same key until the outcome is known."""
        for _ in range(40):
            if body := await self._ask(client, order.body, lambda body: body["data"]["deposit"]):
                told = body["data"]["deposit"]
                order.answers.append(told)
                if told["__typename"] in FINAL:
                    return
            await asyncio.sleep(0.2)

    async def follow(self, transport):
        """Every event after the cursor, over any number of streams."""
        found = self.found[transport] = []
        after = self.cursor
        while not self.stop.is_set():
            with suppress(*AWAY):
                async with transport.open(self.url, EVENTS, {"after": after}) as stream:
                    while (body := await stream.next()) is not None and "errors" not in body:
                        event = body["data"]["instructionEvents"]
                        after = event["cursor"]
                        if event["event"] is not None:
                            found.append((event["instruction"]["id"], event["event"]["status"]))
            await asyncio.sleep(0.1)


async def present_cursor(url):
    async with http_client(timeout=30) as client:
        response = await client.post(f"{url}/graphql", content=CURSOR, headers=HEADERS)
    return response.json()["data"]["instructionEventsCursor"]


async def head(database):
    return await database.fetchval("SELECT seq FROM brokergraph.stream_head")


async def statuses(database, first):
    rows = await database.fetch(
        """SELECT i.status FROM brokergraph.stream_event e
           JOIN brokergraph.instruction_event i USING (instruction_id, sequence) WHERE e.seq > $1 ORDER BY e.seq""",
        first,
    )
    return [row["status"] for row in rows]


async def under_load(url, database, work):
    """Run the work under load. Returns the load, and the number of the last event before it."""
    chosen = [("R3", *account) for account in await accounts(database, "R3", 12)]
    await enrich(database, chosen)
    first = await head(database)
    load = Load(url, chosen, await present_cursor(url))
    tasks = [asyncio.create_task(load.read()) for _ in range(READERS)]
    tasks += [asyncio.create_task(load.pay()) for _ in range(PAYERS)]
    following = [asyncio.create_task(load.follow(transport)) for transport in (SocketStream, EventSource)]
    await load.answered_again()
    await work()
    await load.answered_again()
    load.stop.set()
    await asyncio.gather(*tasks)
    await settled(database, load.orders)

    # The streams continue until they have the last event. The reconciler may decide a command late.
    async def are_whole():
        wanted = await statuses(database, first)
        return all([status for _, status in found] == wanted for found in load.found.values())

    await until(are_whole)
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    for found in load.found.values():
        assert len(found) == len(set(found))
    return load


@pytest.fixture(scope="module")
def installation(battlefield, tmp_path_factory):
    with installed(battlefield, tmp_path_factory.mktemp("replicas")) as running:
        yield running


async def test_a_rolling_restart_fails_no_request_and_loses_no_event(installation, database, well_behaved):
    async def restart_each():
        for replica in installation.replicas:
            assert await asyncio.to_thread(replica.stop) == 0
            await asyncio.to_thread(replica.start)
            # The load balancer has to notice that the replica is back.
            await asyncio.sleep(2)

    load = await under_load(installation.url, database, restart_each)

    assert load.failures == []
    found = await assert_books_balance(database, load.orders)
    # On a busy machine the short deadline of these tests refuses a command before it is sent.
    assert found.statuses["CONFIRMED"] > 0.9 * len(load.orders)


async def test_a_death_costs_only_the_requests_in_flight_and_no_command(installation, database, well_behaved):
    dice = random.Random(SEED)

    async def kill_again_and_again():
        for number in range(KILLS):
            replica = dice.choice(installation.replicas)
            if number % 3 == 1:
                replica.kill()
                await asyncio.to_thread(replica.start)
            else:
                os.kill(dice.choice(replica.worker_pids()), 9)
            await asyncio.sleep(PAUSE_SECONDS)

    load = await under_load(installation.url, database, kill_again_and_again)

    # Each death costs each caller one request, and the load balancer may send another to the dead replica.
    assert len(load.failures) <= KILLS * 2 * (READERS + PAYERS), load.failures
    await assert_books_balance(database, load.orders)
