"""The primary of the ledger dies again and again under deposits. No command is lost or doubled, and each outcome is
stored at the promoted standby.
"""

import asyncio
import itertools
import os
import random
from contextlib import suppress

import asyncpg
import pytest
from support.polling import until
from support.rig import Order, accounts, enrich, serving
from support.served import Operator
from support.standbys import debians_postgresql, standby_pair

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

LONG = os.environ.get("TORTURE") == "long"
SEED = os.environ.get("TORTURE_SEED", "1")
PAYERS = 6
SCOPES = ("deposit:create", "instruction:read", "client:read", "balance:read")
UNDECIDED = "SELECT count(*) FROM brokergraph.instruction WHERE status IN ('RECEIVED', 'SENT', 'UNKNOWN')"
ROWS = "SELECT idempotency_key AS key, status, reference FROM brokergraph.instruction"
DEALS = "SELECT comment, count(*) FROM platform.deal WHERE comment = ANY ($1) GROUP BY comment"


def prepare(operator: Operator) -> str:
    """The key of a caller."""
    assert operator.run_here("migrate").exit_code == 0
    made = operator.run_here("keys", "create", "payer", *(word for one in SCOPES for word in ("--scope", one)))
    assert made.exit_code == 0, made.output
    return made.stdout.strip()


# The suite has one fail-over with one deposit (tests/integration/replica).
@pytest.mark.applies_to(lambda number: LONG)  # noqa: ARG005 - the values of the case.
@pytest.mark.parametrize("number", range(8))
async def test_no_deposit_is_lost_or_doubled_by_a_fail_over(battlefield, database, well_behaved, tmp_path, number):
    dice = random.Random(f"{SEED}/{number}")
    chosen = [("R1", *account) for account in await accounts(database, "R1", PAYERS)]
    await enrich(database, chosen)
    orders = []
    with debians_postgresql():
        async with standby_pair(tmp_path) as servers:
            operator = Operator(battlefield.settings_path, {"BROKERGRAPH_STATE__DATABASE_URL": servers.url})
            caller = await asyncio.to_thread(prepare, operator)
            replica = {"STATE__REPLICA_URL": servers.replica_url, "STATE__REPLICA_LAG_SECONDS": "2"}
            async with serving(battlefield.settings_path, STATE__DATABASE_URL=servers.url, **replica) as graph:
                stop = asyncio.Event()
                paying = [asyncio.create_task(pay(graph, one, caller, orders, stop)) for one in chosen]
                await asyncio.sleep(dice.uniform(0.5, 2))
                await servers.fail_over()
                await asyncio.sleep(2)
                stop.set()
                await asyncio.gather(*paying)
                connection = await asyncpg.connect(servers.replica_url)
                await until(lambda: none_is_undecided(connection))
                await assert_books_agree(connection, database, orders)
                await connection.close()


async def pay(graph, account, caller, orders, stop):
    while not stop.is_set():
        order = Order(*account, amount="1")
        orders.append(order)
        await insist(graph, order, caller)


async def insist(graph, order, caller):
    """Repeat with the same key until the outcome is known."""
    for _ in itertools.repeat(None, 60):
        with suppress(KeyError):
            told = await graph.send(order, key=caller)
            if told and is_final(told):
                return
        await asyncio.sleep(0.2)


def is_final(told):
    return told["__typename"] == "DepositConfirmed" or told.get("retry", "SAME_KEY") != "SAME_KEY"


async def none_is_undecided(connection):
    return not await connection.fetchval(UNDECIDED)


async def assert_books_agree(connection, database, orders):
    """Each order is confirmed and has one deal at the vendor, or is rejected and has none, as its caller was told."""
    rows = {row["key"]: row for row in await connection.fetch(ROWS)}
    deals = dict(await database.fetch(DEALS, [row["reference"] for row in rows.values()]))
    confirmed = 0
    for order in orders:
        status, told = rows[order.key]["status"], order.answers[-1]
        times = deals.get(rows[order.key]["reference"], 0)
        assert (status, times) in (("CONFIRMED", 1), ("REJECTED", 0)), order
        assert (told["__typename"] == "DepositConfirmed") is (status == "CONFIRMED"), order
        confirmed += times
    assert confirmed > len(orders) / 2 > PAYERS / 2
