"""Every fault of every vendor, at any mix, under callers who do not give up: the books balance."""

import asyncio
import random
import sys

import asyncpg
import pytest
from support.rig import ROOT, SERVERS, Order, accounts, assert_books_balance, enrich, serving, settled

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

# R1 and R3 share a vendor; R1's API repeats what was lost with its key, so left to itself it may take every fault.
WRITES = {
    "R1": "/v2/MT4/.*TradeTransaction$",
    "R3": "(?<!/v2)/MT4/.*TradeTransaction$",
    "A1": "/(deposit|withdrawal)$",
    "M1": "/trade/balance$",
}
FAULTS = {
    "apply then drop": {"fault": "drop_after"},
    "drop before apply": {"fault": "drop_before"},
    "apply then 500": {"fault": "status", "status": 500, "apply": True},
    "500 before apply": {"fault": "status", "status": 500},
    "answer late": {"fault": "latency", "seconds": 1.5},
    "answer twice": {"fault": "twice"},
    "nonsense": {"fault": "nonsense"},
    "refused": {"fault": "refuse"},
    "hang": {"fault": "hang"},
    "too many": {"fault": "status", "status": 429},
}
VENDOR = {"R1": "cplugin", "R3": "cplugin", "A1": "broctagon", "M1": "mt5_web"}


async def insist(server, order, rng, *, hang_up=False):
    """A caller who repeats with the same key until told something final, hanging up on the way if asked to."""
    for attempt in range(8):
        patience = rng.uniform(0.002, 0.08) if hang_up and attempt < 2 else 20.0
        told = await server.send(order, patience=patience)
        # A busy server may not have had the time: the caller comes again with this key.
        refused = told is not None and told.get("retry") == "SAME_KEY"
        if told is not None and not refused and (told["__typename"] != "InstructionPending" or attempt >= 3):
            return
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_alone_at_withdrawals(database, well_behaved, survivor, name):
    rng, orders = random.Random(name), []
    for server in SERVERS:
        well_behaved.tell(VENDOR[server], "/misbehave", FAULTS[name] | {"path": WRITES[server], "times": 2})
        chosen = [(server, *account) for account in await accounts(database, server, 4)]
        await enrich(database, chosen)
        orders += [Order(*account, "1.5", "withdraw") for account in chosen]

    await asyncio.gather(*(insist(survivor, order, rng, hang_up=n % 2 == 0) for n, order in enumerate(orders)))

    well_behaved.tell("cplugin", "/misbehave", {"fault": "latency", "seconds": 0, "times": 1})
    await settled(database, orders)
    await assert_books_balance(database, orders)


@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_alone(database, well_behaved, survivor, name):
    rng = random.Random(name)
    orders = []
    for server in SERVERS:
        well_behaved.tell(VENDOR[server], "/misbehave", FAULTS[name] | {"path": WRITES[server], "times": 2})
        # Equal amounts on the same accounts: nothing but the reference tells them apart.
        chosen = await accounts(database, server, 2)
        orders += [Order(server, login, currency, "1.5") for login, currency in chosen * 2]

    await asyncio.gather(*(insist(survivor, order, rng, hang_up=n % 2 == 0) for n, order in enumerate(orders)))

    well_behaved.tell("cplugin", "/misbehave", {"fault": "latency", "seconds": 0, "times": 1})
    await settled(database, orders)
    await assert_books_balance(database, orders)


@pytest.mark.parametrize("server", SERVERS)
async def test_an_equal_deposit_before_it_is_not_mistaken_for_a_lost_one(database, well_behaved, survivor, server):
    """Same account, same amount, minutes apart: only the reference can tell that the second never arrived."""
    [(login, currency)] = await accounts(database, server, 1)
    booked, lost = (Order(server, login, currency, "1.25") for _ in range(2))

    await survivor.send(booked)
    well_behaved.tell(VENDOR[server], "/misbehave", {"fault": "drop_before", "path": WRITES[server], "times": 50})
    await survivor.send(lost)
    await settled(database, [booked, lost])

    assert (await assert_books_balance(database, [booked])).statuses == {"CONFIRMED": 1}
    assert (await assert_books_balance(database, [lost])).statuses == {"REJECTED": 1}


async def test_a_token_that_expires_midway_is_no_doubt(database, well_behaved, survivor):
    [(login, currency)] = await accounts(database, "R1", 1)
    order = Order("R1", login, currency, "7")
    well_behaved.tell("cplugin_auth", "/misbehave", {"fault": "expire_token"})

    told = await survivor.send(order)

    assert told["__typename"] == "DepositConfirmed"
    await assert_books_balance(database, [order])


LOST_SESSIONS = {
    "booked, then refused": {"fault": "status", "status": 403, "apply": True, "path": "/trade/balance$", "times": 3},
    "refused": {"fault": "status", "status": 403, "path": "/trade/balance$", "times": 3},
    "all sessions end": {"fault": "expire_token"},
    "no handshake": {"fault": "status", "status": 403, "path": "/auth/answer", "times": 2},
    "another server": {"fault": "patch", "json": {"cli_rand_answer": "00"}, "path": "/auth/answer", "times": 2},
    "cut handshakes": {"fault": "drop_before", "path": "/auth/", "times": 3},
    "booked, no connection": {
        "fault": "business_error",
        "code": 10,
        "apply": True,
        "path": "/trade/balance",
        "times": 3,
    },
    "no connection": {"fault": "business_error", "code": 10, "path": "/trade/balance", "times": 3},
    "booked, no ticket": {"fault": "business_error", "code": 1, "apply": True, "path": "/trade/balance", "times": 3},
    "no money": {"fault": "business_error", "code": 10019, "path": "/trade/balance", "times": 3},
}


@pytest.mark.parametrize("name", LOST_SESSIONS)
async def test_a_lost_session_neither_doubles_nor_loses_a_deposit(database, well_behaved, survivor, name):
    rng = random.Random(name)
    chosen = await accounts(database, "M1", 3)
    orders = [Order("M1", login, currency, "1.75") for login, currency in chosen * 2]
    well_behaved.tell("mt5_web", "/misbehave", LOST_SESSIONS[name])

    await asyncio.gather(*(insist(survivor, order, rng) for order in orders[:3]))
    if name == "all sessions end":
        well_behaved.tell("mt5_web", "/misbehave", LOST_SESSIONS[name])
    await asyncio.gather(*(insist(survivor, order, rng) for order in orders[3:]))

    await settled(database, orders)
    await assert_books_balance(database, orders)


async def test_a_hundred_parallel_requests_with_one_key_apply_once(database, well_behaved, survivor):
    # Several keys, because one race alone may have no overlap of look-up and insert on a busy machine.
    chosen = await accounts(database, "R1", 5)
    orders = [Order("R1", login, currency, "3.33") for login, currency in chosen]

    for order in orders:
        answers = await asyncio.gather(*(survivor.send(order) for _ in range(100)))
        # A busy server refuses some of them before it writes anything.
        told = [answer for answer in answers if answer is not None and answer.get("retry") != "SAME_KEY"]
        assert len({answer["instruction"]["id"] for answer in told if answer.get("instruction")}) == 1
    await settled(database, orders)
    found = await assert_books_balance(database, orders)
    # A row that a busy server wrote after its deadline is rejected, and nothing was sent.
    assert sum(found.statuses.values()) == len(orders)
    assert found.statuses.keys() <= {"CONFIRMED", "REJECTED"}


async def test_a_late_application_is_never_called_absent(database, well_behaved, survivor):
    """The vendor answers "unknown" and applies the deposit seconds later: an early "not found" would be wrong."""
    [(login, currency)] = await accounts(database, "R3", 1)
    order = Order("R3", login, currency, "4.44")
    late = {"fault": "latency", "seconds": 6, "path": "TradeTransaction", "times": 1}
    well_behaved.tell("cplugin", "/misbehave", late)

    await survivor.send(order)
    await asyncio.sleep(7)

    await settled(database, [order])
    found = await assert_books_balance(database, [order])
    assert found.statuses == {"CONFIRMED": 1}


async def test_a_history_that_hides_references_leaves_the_decision_to_people(database, well_behaved, survivor):
    await database.execute("DELETE FROM brokergraph.proven_history")
    [(login, currency)] = await accounts(database, "R1", 1)
    order = Order("R1", login, currency, "5.55")
    well_behaved.tell("cplugin", "/misbehave", {"fault": "json", "json": HIDDEN, "path": "TradesUserHistory"})
    well_behaved.tell("cplugin", "/misbehave", {"fault": "drop_after", "path": "TradeTransaction"})

    await survivor.send(order)
    await settled(database, [order])

    found = await assert_books_balance(database, [order], allowed_reviews=1)
    assert found.statuses == {"NEEDS_REVIEW": 1}


HIDDEN = {"data": [], "error": None, "meta": {"activityId": "hidden", "paging": None}}


async def test_two_replicas_reconcile_the_same_rows_once(battlefield, database, well_behaved, survivor):
    orders = []
    for server in SERVERS:
        well_behaved.tell(VENDOR[server], "/misbehave", {"fault": "drop_after", "path": WRITES[server], "times": 20})
        chosen = await accounts(database, server, 5)
        orders += [Order(server, login, currency, "0.75") for login, currency in chosen]

    rng = random.Random(3)

    async with serving(battlefield.settings_path):
        # With the same key until told: a refusal at the door, which a slow machine may give, is no outcome.
        await asyncio.gather(*(insist(survivor, order, rng) for order in orders))
        await settled(database, orders)

    found = await assert_books_balance(database, orders)
    assert found.statuses == {"CONFIRMED": len(orders)}
    moves = await database.fetch(
        """SELECT instruction_id, e.status, count(*) FROM brokergraph.instruction_event e JOIN brokergraph.instruction i
           ON i.id = e.instruction_id WHERE i.idempotency_key = ANY ($1) GROUP BY 1, 2 HAVING count(*) > 1""",
        [order.key for order in orders],
    )
    assert moves == []


async def test_postgresql_restarted_in_the_middle_loses_nothing_that_was_confirmed(
    database, well_behaved, survivor, box
):
    orders = []
    for server in SERVERS:
        chosen = await accounts(database, server, 6)
        orders += [Order(server, login, currency, "0.25") for login, currency in chosen]
    rng = random.Random(7)

    under_way = asyncio.gather(*(insist(survivor, order, rng) for order in orders))
    await asyncio.sleep(0.05)
    await asyncio.to_thread(well_behaved.tell, "box", "/database/stop?mode=immediate")
    await asyncio.to_thread(well_behaved.tell, "box", "/database/start")
    await under_way

    again = await asyncpg.connect(box.database_url)
    await asyncio.gather(*(insist(survivor, order, rng) for order in orders))
    await settled(again, orders)
    await assert_books_balance(again, orders)
    await again.close()


@pytest.mark.parametrize("seconds", [3600, -3600])
async def test_a_clock_that_jumps_changes_nothing(battlefield, database, well_behaved, survivor, seconds):
    """What is settled goes by the database's clock; a process whose own clock jumps only loses patience."""
    orders = []
    for server in SERVERS:
        [(login, currency)] = await accounts(database, server, 1)
        orders += [Order(server, login, currency, "0.35")]

    async with serving(battlefield.settings_path, "clock", seconds) as confused:
        await asyncio.gather(*(confused.send(order) for order in orders))
    await asyncio.gather(*(survivor.send(order) for order in orders))

    await settled(database, orders)
    await assert_books_balance(database, orders)


async def test_a_key_that_was_rotated_meanwhile_replays_as_the_same_caller(battlefield, database, survivor):
    [(login, currency)] = await accounts(database, "R1", 1)
    order = Order("R1", login, currency, "0.45")
    rotated = await new_api_key(battlefield, "demo-operator")

    first = await survivor.send(order)
    again = await survivor.send(order, key=rotated)
    stranger = await survivor.send(order, key=await new_api_key(battlefield, "somebody-else"))

    assert first["__typename"] == again["__typename"] == stranger["__typename"] == "DepositConfirmed"
    assert again["instruction"]["id"] == first["instruction"]["id"]
    assert stranger["instruction"]["id"] != first["instruction"]["id"]


async def new_api_key(battlefield, principal):
    """Another key of the same principal, as an operator makes one."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "keys", "create", principal, "--config", str(battlefield.settings_path)),
        *("--scope", "deposit:create", "--scope", "client:read"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=ROOT,
    )
    output, _ = await process.communicate()
    return output.decode().strip()
