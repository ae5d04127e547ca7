"""Two servers on one database, one of them dying, many callers, faults at one call in ten: the same equation.

`make torture` runs it for a minute and for a thousand commands at least; the suite for a few seconds.
"""

import asyncio
import os
import random

import pytest
from support.rig import SERVERS, Order, accounts, assert_books_balance, enrich, serving, settled

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(3600)]

LONG = os.environ.get("TORTURE") == "long"
SEED = os.environ.get("TORTURE_SEED", "1")
CALLERS = 16
COMMANDS = 1200 if LONG else 160
FAULTS = [
    {"fault": "drop_after"},
    {"fault": "drop_before"},
    {"fault": "status", "status": 500, "apply": True},
    {"fault": "latency", "seconds": 1.2},
    {"fault": "twice"},
    {"fault": "nonsense"},
]
WRITES = "TradeTransaction|/deposit$|/withdrawal$|/trade/balance$"


async def dying_again_and_again(battlefield, current, rng):
    """A second server that is killed and replaced every other second, whatever it is doing."""
    while True:
        async with serving(battlefield.settings_path) as other:
            current.append(other)
            await asyncio.sleep(rng.uniform(0.5, 2.5))
            other.process.kill()
            await other.ended()
            current.remove(other)


async def insist(order, servers, dice):
    """A caller who repeats with the same key at whatever server there is, and hangs up one time in ten."""
    for _ in range(4):
        patience = dice.uniform(0.002, 0.08) if dice.random() < 0.1 else 20.0
        told = await dice.choice(servers).send(order, patience=patience)
        if told is not None and told["__typename"] != "InstructionPending":
            return


async def test_two_servers_under_load_with_faults_and_deaths_keep_the_books(
    battlefield, database, well_behaved, survivor
):
    rng = random.Random(SEED)
    chosen = [(server, *account) for server in SERVERS for account in await accounts(database, server, 20)]
    await enrich(database, chosen)
    orders = [
        Order(
            *rng.choice(chosen), amount=rng.choice(("0.01", "1.5", "20")), mutation=rng.choice(("deposit", "withdraw"))
        )
        for _ in range(COMMANDS)
    ]
    for vendor in ("cplugin", "broctagon", "mt5_web"):
        for number, fault in enumerate(FAULTS):
            often = {"path": WRITES, "probability": 0.1 / len(FAULTS), "seed": number}
            well_behaved.tell(vendor, "/misbehave", fault | often)
    waiting, servers = iter(orders), [survivor]

    async def caller(number):
        dice = random.Random(f"{SEED}/{number}")
        for order in waiting:
            await insist(order, servers, dice)

    deaths = asyncio.create_task(dying_again_and_again(battlefield, servers, rng))
    await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    deaths.cancel()
    await asyncio.gather(deaths, return_exceptions=True)
    well_behaved.reset()
    await asyncio.gather(*(survivor.send(order) for order in orders[-CALLERS:]))
    await settled(database, orders, seconds=120)

    found = await assert_books_balance(database, orders)
    assert found.statuses["CONFIRMED"] > COMMANDS * 0.5
