"""A row whose first write lost its answer: only the process that owns the instruction sends or refuses it."""

import asyncio
from dataclasses import replace

import pytest
from support.ledgers import new_deposit, scratch_database

from core.call import Call, Tally
from core.clock import Clock, Deadline
from core.commands import MoneyGuards
from core.errors import DatabaseFailure, System, Unavailable
from core.records import Failure, Reason
from instructions.approvals import approval, refusal_by
from instructions.dispatcher import ANSWER_SECONDS, Dispatcher
from instructions.drafts import late
from upstreams.state.instructions import Ledger, Transition

pytestmark = pytest.mark.anyio
GUARDS = MoneyGuards(apart=True)


@pytest.fixture
async def scratch(box):
    async with scratch_database(box) as opened:
        yield opened


class LosingLedger(Ledger):
    """Loses the answer to the first write, and stays without an answer until `found` is set."""

    def __init__(self, database):
        super().__init__(database, Clock())
        self.written, self.found = asyncio.Event(), asyncio.Event()

    async def receive(self, draft, guards=GUARDS):
        if not self.written.is_set():
            await super().receive(draft, guards)
            self.written.set()
            raise lost()
        await self.found.wait()
        return await super().receive(draft, guards)


def lost():
    error = Unavailable("raised on purpose", system=System("ERP_DATABASE"))
    error.database_failure = DatabaseFailure.LOST
    return error


def new_withdrawal():
    draft, _ = new_deposit(1)
    events = tuple(replace(event, status="NEEDS_APPROVAL") for event in draft.events)
    return replace(draft, kind="WITHDRAWAL", status="NEEDS_APPROVAL", events=events)


async def run(dispatcher, draft, seconds):
    async def prepare(_call):
        raise AssertionError("another process runs it")

    return await dispatcher.run(draft, GUARDS, prepare, Call(Deadline.after(seconds, Clock()), Tally(), "test"))


async def move_on(ledger, draft, steps):
    """What another process makes of the row meanwhile."""
    row = await ledger.by_key(draft.principal, draft.idempotency_key)
    if draft.status == "NEEDS_APPROVAL":
        row = await ledger.approve(row, approval("approver", None), GUARDS)
    for move in steps:
        row = await ledger.advance(row, move)
    return row


SENT = Transition("SENT", "partner")
REFUSED = Transition(
    "REJECTED", "reconciler", failure=Failure(code=Reason.UPSTREAM_UNAVAILABLE, message="never sent", retry="NEW_KEY")
)


@pytest.mark.parametrize("seconds", [10.0, ANSWER_SECONDS], ids=["in time", "late"])
@pytest.mark.parametrize(
    "steps",
    [(), (SENT,), (SENT, Transition("CONFIRMED", "partner"))],
    ids=["RECEIVED", "SENT", "CONFIRMED"],
)
async def test_its_writer_leaves_an_approved_withdrawal_to_the_process_that_stored_the_approval(
    scratch, seconds, steps
):
    ledger, draft = LosingLedger(scratch[0]), new_withdrawal()
    dispatcher = Dispatcher(ledger, Clock())
    running = asyncio.create_task(run(dispatcher, draft, seconds))
    await ledger.written.wait()
    if seconds == ANSWER_SECONDS:
        await running
    moved = await move_on(ledger, draft, steps)

    ledger.found.set()
    await running
    async with asyncio.timeout(10):
        await dispatcher.drain(10)

    now = await ledger.by_key(draft.principal, draft.idempotency_key)
    assert (now.status, now.failure) == (moved.status, None)


async def test_its_writer_leaves_a_row_that_a_reconciler_has_rejected(scratch):
    ledger, (draft, _) = LosingLedger(scratch[0]), new_deposit(1)
    dispatcher = Dispatcher(ledger, Clock())
    running = asyncio.create_task(run(dispatcher, draft, ANSWER_SECONDS))
    await ledger.written.wait()
    await running
    await move_on(ledger, draft, [REFUSED])

    ledger.found.set()
    await dispatcher.drain(3)

    assert (await ledger.by_key(draft.principal, draft.idempotency_key)).failure == REFUSED.failure


async def test_a_late_withdrawal_never_waits_for_an_approval(scratch):
    ledger = Ledger(scratch[0], Clock())

    record, is_new = await ledger.receive(late(new_withdrawal()))

    assert is_new
    assert (record.status, record.events[0].status) == ("RECEIVED", "RECEIVED")


async def test_of_racing_decisions_exactly_one_is_stored(scratch):
    ledger, draft = Ledger(scratch[0], Clock()), new_withdrawal()
    row, _ = await ledger.receive(draft, GUARDS)

    approvals = [ledger.approve(row, approval(f"approver {n}", None), GUARDS) for n in range(4)]
    declines = [ledger.advance(row, refusal_by(f"decliner {n}", None)) for n in range(4)]
    made = await asyncio.gather(*approvals, *declines)

    approved = [one for one in made[:4] if one is not None]
    now = await ledger.by_key(draft.principal, draft.idempotency_key)
    events = await scratch[1].fetchval("SELECT count(*) FROM brokergraph.instruction_event")
    assert len(approved) == (now.status == "RECEIVED")
    assert {one.status for one in made[4:]} == {now.status}
    assert events == 2
