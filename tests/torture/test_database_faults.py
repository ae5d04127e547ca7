"""Every error of PostgreSQL and of its driver, at every statement of every mutation: no answer contradicts the books.

`make torture` runs every case; the suite runs a sample that has each error in it.
"""

import asyncio
import itertools
import json
import os
import random
from dataclasses import dataclass, field

import pytest
from support.clients import http_client
from support.faults import FAULTS, Plan, plans
from support.mutations import CREATE, DEPOSIT, REQUEST
from support.rig import serving

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(7200)]

LONG = os.environ.get("TORTURE") == "long"
SEED = os.environ.get("TORTURE_SEED", "1")
# More than any of the mutations runs: the look-up of the key, the checks, the row and three moves with what they read.
LAST_STATEMENT = 12
# Each deposit runs at least these, whatever its fault is.
FEWEST_STATEMENTS = 5
AT_THE_SAME_TIME = 12
SAMPLE = {"deposit": 150, "account on a server": 60, "account by the ERP": 30, "openAccountRequest": 50}

ACTIVE = """SELECT c.client_number, c.crm_user_id FROM brokergraph_erp.client c
            JOIN brokergraph_erp.api_password p USING (client_number)
            WHERE c.identity_locked AND c.erp_status IN (4, 5) AND c.crm_user_id IS NOT NULL ORDER BY 1"""
ACCOUNTS = """SELECT a.server, a.login::text, a.currency FROM platform.account a
              JOIN brokergraph_erp.client c USING (client_number)
              JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
              WHERE a.server IN ('R1', 'R3', 'A1') AND c.identity_locked AND c.erp_status IN (4, 5)
                    AND a.enabled AND NOT a.read_only ORDER BY a.login LIMIT 60"""
WITHOUT_ACCOUNT = f"""SELECT client_number FROM ({ACTIVE}) c WHERE NOT EXISTS (
                        SELECT FROM platform.account a WHERE a.client_number = c.client_number) ORDER BY 1"""
# How often the vendor has done what the instruction asks for, by the reference that only this instruction has. The ERP
# takes no reference: its account is the only one of a client without others.
DONE = """SELECT i.id, i.status, i.idempotency_key AS key,
              CASE i.kind
                  WHEN 'DEPOSIT' THEN (SELECT count(*) FROM platform.deal d WHERE d.comment = i.reference)
                  WHEN 'CREATE_TRADING_ACCOUNT' THEN
                      (SELECT count(*) FROM platform.account a
                       WHERE a.comment = i.reference OR (i.details = '{}' AND a.client_number = i.client_number))
                  ELSE (SELECT count(*) FROM crm.account_request r WHERE r.user_id = i.details ->> 'user_id'
                        AND r.connection_id = i.details ->> 'connection_id')
              END AS times
          FROM brokergraph.instruction i WHERE i.idempotency_key = ANY ($1)"""
MUTATIONS = {
    "deposit": ("deposit", DEPOSIT),
    "account by the ERP": ("createTradingAccount", CREATE),
    "account on a server": ("createTradingAccount", CREATE),
    "openAccountRequest": ("openAccountRequest", REQUEST),
}
CONNECTIONS = {"mt4live1": {"mt4": {"leverage": "100"}}, "mt5live1": {"mt5": {"leverage": "5000"}}}


@dataclass
class Command:
    """One mutation with a key that causes one fault, and the answer to its caller."""

    mutation: str
    values: dict
    key: str
    told: dict | None = field(default=None)

    async def send(self, server):
        field, document = MUTATIONS[self.mutation]
        body = {"query": document, "variables": {"input": self.values | {"idempotencyKey": self.key}}}
        headers = {"content-type": "application/json", "authorization": "Bearer demo-operator"}
        async with http_client(timeout=30) as caller:
            response = await caller.post(
                f"http://127.0.0.1:{server.port}/graphql", content=json.dumps(body), headers=headers
            )
        answer = response.json()
        return answer["data"][field] if answer.get("data") else None


def sample(mutation, rng):
    """All plans of a mutation, or so many of them by chance; each fault is among those of a deposit."""
    every = list(plans(LAST_STATEMENT))
    rng.shuffle(every)
    if LONG:
        return every
    if mutation != "deposit":
        return every[: SAMPLE[mutation]]
    each = [Plan(fault, rng.randint(1, FEWEST_STATEMENTS)) for fault in FAULTS]
    return [*each, *every[: SAMPLE[mutation] - len(each)]]


async def commands(database, mutation, rng):
    clients = await database.fetch(ACTIVE)
    if mutation == "deposit":
        accounts = itertools.cycle(await database.fetch(ACCOUNTS))
        values = (
            {
                "account": {"account": {"server": server, "login": login}},
                "amount": "0.01",
                "currency": currency,
            }
            for server, login, currency in accounts
        )
    elif mutation == "account by the ERP":
        values = ({"clientNumber": row["client_number"]} for row in await database.fetch(WITHOUT_ACCOUNT))
    elif mutation == "account on a server":
        target = {"server": {"server": "R1", "group": "Basic_EU"}}
        values = ({"clientNumber": number} | target for number, _ in itertools.cycle(clients))
    else:
        values = (
            {"userId": user, "connectionId": connection, "platform": platform}
            for connection, platform in CONNECTIONS.items()
            for _, user in clients
        )
    return [Command(mutation, chosen, plan.key) for plan, chosen in zip(sample(mutation, rng), values, strict=False)]


async def each(orders, send):
    """At most so many at the same time."""
    waiting = iter(orders)

    async def caller():
        for order in waiting:
            await send(order)

    await asyncio.gather(*(caller() for _ in range(AT_THE_SAME_TIME)))


async def known(database, orders):
    """What ledger and vendor know of each command: key -> (status, how often the vendor has done it)."""
    rows = await database.fetch(DONE, [order.key for order in orders])
    return {row["key"]: (row["status"], row["times"]) for row in rows}


def assert_true(order, status, times):
    """The answer was true when it was given; a row of the ledger only advances, so it is not contradicted later."""
    told = order.told
    match told and told["__typename"]:
        case None:
            assert times <= 1, order
        case "DepositConfirmed" | "TradingAccountCreated" | "OpenAccountRequested":
            assert (status, times) == ("CONFIRMED", 1), order
        case "InstructionPending":
            assert times <= 1, order
        case "Refused":
            assert times == 0, order
        case "UpstreamFailed" if told["retry"] == "SAME_KEY":
            assert (status, times) == (None, 0), order
        case "UpstreamFailed":
            assert (status, times) == ("REJECTED", 0), order
        case _:
            raise AssertionError(order)


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_m1_no_answer_contradicts_the_books_whatever_the_database_answers(
    battlefield, database, well_behaved, survivor, tmp_path, mutation
):
    rng = random.Random(f"{SEED}/{mutation}")
    orders = await commands(database, mutation, rng)
    noted = tmp_path / "raised"

    async def ask(order):
        order.told = await order.send(hurt)

    # A shared look-up that fails for one command would end others before their own faults.
    alone = {"RECONCILIATION__ENABLED": "false", "ERP__CONCURRENT_LOOKUPS": "0"}
    async with serving(battlefield.settings_path, "faults", noted, **alone) as hurt:
        await each(orders, ask)
        found = await known(database, orders)
        for order in orders:
            assert_true(order, *found.get(order.key, (None, 0)))
        # The living process stores what it knows, without a reconciler's help.
        await stored(database, orders)

    raised = set(noted.read_text().splitlines())
    assert len(raised) > len(orders) / 2
    if mutation == "deposit":
        assert set(FAULTS) - {Plan.of(key).fault for key in raised} == set()
    await assert_a_second_process_agrees(database, survivor, orders)


async def stored(database, orders):
    """Wait until nothing is RECEIVED or SENT any more."""
    for _ in range(200):
        statuses = [status for status, _ in (await known(database, orders)).values()]
        if not {"RECEIVED", "SENT"} & set(statuses):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(statuses)


async def assert_a_second_process_agrees(database, survivor, orders):
    """It answers each key with what has become of it, does what was not done, and the books equal the ledger."""
    again = {}

    async def repeat(order):
        again[order.key] = await order.send(survivor)

    await each(orders, repeat)

    found = await known(database, orders)
    for order in orders:
        # Without a row where the second process had no time for it either.
        status, times = found.get(order.key, (None, 0))
        assert times == (status == "CONFIRMED"), (order, status, times)
        assert again[order.key] is not None, order
        before = order.told and order.told["__typename"]
        if before in ("DepositConfirmed", "TradingAccountCreated", "OpenAccountRequested"):
            assert again[order.key]["__typename"] == before, order
