"""kill -9 at the k-th line of our own code, and a connection that is cut at the k-th statement, for a sample of k.

`make torture` takes every k; the sample is the same on every run and another with every change of TORTURE_SEED.
"""

import asyncio
import os
import random

import pytest
from support.rig import Order, accounts, assert_books_balance, serving, settled

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(3600)]

LONG = os.environ.get("TORTURE") == "long"
SEED = os.environ.get("TORTURE_SEED", "1")
# A deposit runs through more than a thousand lines; past the last one no process dies, which ends the long run.
MOST_LINES = 3000
MOST_STATEMENTS = 12
SAMPLE = 25


def lines():
    return range(1, MOST_LINES) if LONG else sorted(random.Random(SEED).sample(range(1, 1000), SAMPLE))


async def hurt(battlefield, survivor, order, weapon, argument):
    """One deposit at a server with the weapon, then the same deposit at another server. Returns whether one died."""
    async with serving(battlefield.settings_path, weapon, argument, RECONCILIATION__ENABLED="false") as victim:
        told = await victim.send(order)
        if told is None and weapon == "line":
            await asyncio.wait_for(victim.ended(), 60)
        died = victim.process.exitcode == -9
    await survivor.send(order)
    return died


@pytest.mark.parametrize("server", ["R1", "M1"])
async def test_death_at_any_line_neither_doubles_nor_loses_a_deposit(battlefield, database, survivor, server):
    [(login, currency)] = await accounts(database, server, 1)
    orders, deaths = [], 0
    at_once = asyncio.Semaphore(3)

    async def die(number):
        nonlocal deaths
        async with at_once:
            order = Order(server, login, currency, "0.05")
            orders.append(order)
            died = await hurt(battlefield, survivor, order, "line", number)
            deaths += died
            return died

    if LONG:
        for first in range(1, MOST_LINES, 3):
            if not any(await asyncio.gather(*(die(first + n) for n in range(3)))):
                break
    else:
        await asyncio.gather(*(die(number) for number in lines()))

    assert deaths >= SAMPLE - 5
    await settled(database, orders)
    await assert_books_balance(database, orders)


@pytest.mark.parametrize("weapon", ["fail", "lose"])
async def test_a_connection_cut_at_any_statement_neither_doubles_nor_loses_a_deposit(
    battlefield, database, survivor, weapon
):
    [(login, currency)] = await accounts(database, "R1", 1)
    orders = [Order("R1", login, currency, "0.07") for _ in range(MOST_STATEMENTS)]
    at_once = asyncio.Semaphore(3)

    async def cut(number, order):
        async with at_once:
            await hurt(battlefield, survivor, order, weapon, number)

    await asyncio.gather(*(cut(number, order) for number, order in enumerate(orders, 1)))

    await settled(database, orders)
    found = await assert_books_balance(database, orders)
    assert found.statuses["CONFIRMED"] >= MOST_STATEMENTS - 2


async def test_five_hundred_callers_who_hang_up_leave_no_connection_behind(battlefield, database, survivor):
    [(login, currency)] = await accounts(database, "R1", 1)
    rng = random.Random(SEED)
    orders = [Order("R1", login, currency, "0.01") for _ in range(500)]
    at_once = asyncio.Semaphore(20)

    async def hang_up(order):
        async with at_once:
            await survivor.send(order, patience=rng.uniform(0.002, 0.08))

    await asyncio.gather(*(hang_up(order) for order in orders))

    await settled(database, orders, seconds=90)
    await assert_books_balance(database, orders)
    idle = await database.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'brokergraph' AND state LIKE 'idle in trans%'"
    )
    open_connections = await database.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'brokergraph'"
    )
    assert idle == 0
    # Two pools of ten at most; the pool is whole if it still serves as many at once as it is large.
    assert open_connections <= 20
    answers = await asyncio.gather(*(survivor.send(order) for order in orders[:20]))
    assert all(answer is not None for answer in answers)
