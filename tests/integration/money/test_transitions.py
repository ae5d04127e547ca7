"""The database itself refuses every move that is not one, and every change of the past."""

import asyncpg
import pytest
from support.ledgers import confirmed_instruction, new_deposit, receive, scratch_database

from core.clock import Clock
from upstreams.state.instructions import Ledger, Transition

pytestmark = pytest.mark.anyio

STATUSES = ("RECEIVED", "SENT", "CONFIRMED", "REJECTED", "UNKNOWN", "NEEDS_REVIEW")
MOVES = {
    "RECEIVED": {"SENT", "REJECTED"},
    "SENT": {"CONFIRMED", "REJECTED", "UNKNOWN"},
    "UNKNOWN": {"CONFIRMED", "REJECTED", "NEEDS_REVIEW"},
    "NEEDS_REVIEW": {"CONFIRMED", "REJECTED"},
    "CONFIRMED": set(),
    "REJECTED": set(),
}
WAYS = {
    "RECEIVED": (),
    "SENT": ("SENT",),
    "UNKNOWN": ("SENT", "UNKNOWN"),
    "NEEDS_REVIEW": ("SENT", "UNKNOWN", "NEEDS_REVIEW"),
    "CONFIRMED": ("SENT", "CONFIRMED"),
    "REJECTED": ("REJECTED",),
}


@pytest.fixture
async def scratch(box):
    async with scratch_database(box) as opened:
        yield opened


@pytest.mark.parametrize("status", STATUSES)
async def test_only_the_moves_that_exist_can_be_made(scratch, status):
    database, connection = scratch
    ledger = Ledger(database, Clock())

    for number, target in enumerate(STATUSES):
        record, _ = await receive(ledger, new_deposit(number))
        for step in WAYS[status]:
            record = await ledger.advance(record, Transition(step, "test"))
        update = connection.execute("UPDATE brokergraph.instruction SET status = $2 WHERE id = $1", record.id, target)
        if target in MOVES[status] or target == status:
            await update
        else:
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                await update


FORBIDDEN = [
    "DELETE FROM brokergraph.instruction",
    "UPDATE brokergraph.instruction SET amount = amount + 1",
    "UPDATE brokergraph.instruction SET idempotency_key = 'other'",
    "UPDATE brokergraph.instruction SET principal = 'other'",
    "UPDATE brokergraph.instruction SET login = '2'",
    "UPDATE brokergraph.instruction SET upstream_reference = '2'",
    "UPDATE brokergraph.instruction SET details = '{\"a\": 1}'",
    "DELETE FROM brokergraph.instruction_event",
    "UPDATE brokergraph.instruction_event SET note = 'other'",
    "DELETE FROM brokergraph.checkpoint",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_past_cannot_be_changed(scratch, statement):
    database, connection = scratch
    await confirmed_instruction(database, 1)
    await connection.execute("SELECT brokergraph.make_checkpoint()")

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await connection.execute(statement)


async def test_a_key_is_one_instructions_for_ever_over_all_mutations(scratch):
    _, connection = scratch
    insert = """INSERT INTO brokergraph.instruction (id, kind, status, principal, idempotency_key, request_hash,
        reference, client_number, agency, created_at)
        VALUES (gen_random_uuid(), $1, 'RECEIVED', 'p', 'k', sha256('x'), $1, 1, 0, now())"""

    await connection.execute(insert, "DEPOSIT")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(insert, "OPEN_ACCOUNT_REQUEST")


async def test_a_transition_is_made_once_by_the_first_writer(scratch):
    database, _ = scratch
    ledger = Ledger(database, Clock())
    record, _ = await receive(ledger, new_deposit(1))
    sent = await ledger.advance(record, Transition("SENT", "one"))

    first = await ledger.advance(sent, Transition("CONFIRMED", "one", upstream_reference="7"))
    second = await ledger.advance(sent, Transition("UNKNOWN", "two"))

    assert (first.status, second.status, second.upstream_reference) == ("CONFIRMED", "CONFIRMED", "7")
