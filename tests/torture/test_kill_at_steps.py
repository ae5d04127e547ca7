"""kill -9 at every step of a deposit, at every vendor; the caller repeats with the same key and the books balance."""

import asyncio
import json
import os
import signal
from dataclasses import dataclass, field

import pytest
from support.rig import SERVERS, Order, accounts, assert_books_balance, enrich, serving, settled

from instructions.failpoints import Failpoint

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

# A deposit does not reach the failpoints of a reconciler and of the sender of webhooks.
OTHERS = ("APPROVING", "APPROVED", "RECONCILING", "RECONCILED")
# The step is reached before the caller is told to wait, on a busy machine too.
PATIENT = {"SERVER__REQUEST_DEADLINE_SECONDS": "20"}
STEPS = [step.name for step in Failpoint if step.name not in OTHERS and not step.name.startswith("WEBHOOK")]


async def killed_at(battlefield, order, *weapon):
    async with serving(battlefield.settings_path, *weapon, RECONCILIATION__ENABLED="false", **PATIENT) as victim:
        told = await victim.send(order)
        if told is None:
            await asyncio.wait_for(victim.ended(), 60)
        return told, victim.process.exitcode


async def test_there_are_at_least_twelve_failpoints():
    assert len(STEPS) >= 12


async def test_death_at_any_step_neither_doubles_nor_loses_a_deposit(battlefield, database, survivor):
    orders = []
    for server in SERVERS:
        [(login, currency)] = await accounts(database, server, 1)
        orders += [(step, Order(server, login, currency, "1.25")) for step in STEPS]

    deaths = asyncio.Semaphore(3)

    async def die_and_repeat(step, order):
        async with deaths:
            told, status = await killed_at(battlefield, order, "step", step)
        assert (told, status) == (None, -9), (step, order.server)
        await survivor.send(order)

    await asyncio.gather(*(die_and_repeat(step, order) for step, order in orders))

    only_orders = [order for _, order in orders]
    await settled(database, only_orders)
    for order in only_orders:
        await survivor.send(order)
    found = await assert_books_balance(database, only_orders)
    # A deposit was booked only if the process died after the first byte was sent.
    assert found.statuses["CONFIRMED"] >= len(SERVERS) * 3
    assert found.statuses["REJECTED"] >= len(SERVERS)


APPROVED_STEPS = STEPS[STEPS.index("WRITTEN_DOWN") + 1 : STEPS.index("REPLYING")]


@dataclass
class Approval:
    """The approval of an order that waits, as a request that a server gets."""

    identity: str
    mutation: str = "approveInstruction"
    answers: list[dict] = field(default_factory=list)

    @property
    def body(self):
        text = f'mutation {{ approveInstruction(input: {{id: "{self.identity}"}}) {{ __typename }} }}'
        return json.dumps({"query": text})


async def test_death_at_any_step_of_an_approval_neither_doubles_nor_loses_a_withdrawal(battlefield, database, survivor):
    steps = ["APPROVING", "APPROVED", *APPROVED_STEPS]
    chosen = [("R1", *account) for account in await accounts(database, "R1", len(steps))]
    await enrich(database, chosen)
    orders = [Order(*account, "1.25", "withdraw") for account in chosen]
    above = '{ USD = "1", EUR = "1", ILS = "1" }'
    async with serving(battlefield.settings_path, WITHDRAWALS__APPROVAL_ABOVE=above, **PATIENT) as careful:
        told = [await careful.send(order) for order in orders]
    assert {(one["__typename"], one["instruction"]["status"]) for one in told} == {
        ("InstructionPending", "NEEDS_APPROVAL")
    }
    approvals = [Approval(one["instruction"]["id"]) for one in told]
    deaths = asyncio.Semaphore(3)

    async def die_and_repeat(step, approval):
        async with (
            deaths,
            serving(battlefield.settings_path, "step", step, RECONCILIATION__ENABLED="false", **PATIENT) as victim,
        ):
            assert await victim.send(approval, key="demo-approver") is None
            await asyncio.wait_for(victim.ended(), 60)
        await survivor.send(approval, key="demo-approver")

    await asyncio.gather(*map(die_and_repeat, steps, approvals))

    await settled(database, orders)
    for order in orders:
        await survivor.send(order)
    found = await assert_books_balance(database, orders)
    # The approval that was not stored is repeated. Later deaths leave the instruction to the reconciler.
    assert found.statuses["CONFIRMED"] >= 4
    assert found.statuses["REJECTED"] >= 3


@pytest.mark.parametrize("step", ["RECONCILING", "RECONCILED"])
async def test_a_reconciler_that_dies_leaves_its_work_to_the_next(battlefield, database, survivor, step):
    # No other process may decide it in the meantime.
    os.kill(survivor.process.pid, signal.SIGSTOP)
    try:
        order = await die_reconciling(battlefield, database, step)
    finally:
        os.kill(survivor.process.pid, signal.SIGCONT)

    await settled(database, [order])
    found = await assert_books_balance(database, [order])
    assert found.statuses == {"CONFIRMED": 1}


async def die_reconciling(battlefield, database, step):
    """A deposit whose process died, and a reconciler that died over it."""
    [(login, currency)] = await accounts(database, "R1", 1)
    order = Order("R1", login, currency, "2.25")
    told, status = await killed_at(battlefield, order, "step", "ANSWERED")
    assert (told, status) == (None, -9)

    # It may find its work, and its death, before a test has asked whether it is ready.
    armed = serving(battlefield.settings_path, "step", step, awaited=False, RECONCILIATION__LEASE_SECONDS="2")
    async with armed as reconciler:
        await asyncio.wait_for(reconciler.ended(), 60)
    return order
