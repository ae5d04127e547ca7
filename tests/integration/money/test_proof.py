"""A change of the ledger is detected, and the first wrong row is named."""

import pytest
from support.ledgers import confirmed_instruction, scratch_database

from upstreams.state.proof import verify
from upstreams.state.reconciliation_queue import ReconciliationQueue

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ledger(box):
    """A ledger of its own with five instructions of three events each, and a checkpoint after the third."""
    async with scratch_database(box) as (database, connection):
        made = []
        for number in range(5):
            made.append(await confirmed_instruction(database, number))
            if number == 2:
                await ReconciliationQueue(database).make_checkpoint()
        # A person who can do what these tests do can also switch the triggers off.
        await connection.execute("SET session_replication_role = replica")
        yield database, connection, made


async def test_an_untouched_ledger_fits(ledger):
    database, _, _ = ledger

    proof = await verify(database)

    assert proof.problem is None
    assert (proof.instructions, proof.events, proof.checkpoints, proof.uncovered) == (5, 15, 1, 6)


async def test_every_checkpoint_of_the_log_is_still_there(ledger):
    database, _, _ = ledger
    first = (await verify(database)).last_checkpoint
    second = (await ReconciliationQueue(database).make_checkpoint()).hex()

    assert (await verify(database, first)).problem is None
    assert (await verify(database, second)).problem is None
    assert (await verify(database)).uncovered == 0
    assert await ReconciliationQueue(database).make_checkpoint() is None


EVENT = "brokergraph.instruction_event"
TAMPERING = [
    (
        f"UPDATE {EVENT} SET note = 'x' WHERE instruction_id = $1 AND sequence = 2",
        "Event 2 of instruction {id} does not",
    ),
    (f"UPDATE {EVENT} SET actor = 'x' WHERE instruction_id = $1 AND sequence = 1", "Event 1 of instruction {id} does"),
    (f"UPDATE {EVENT} SET at = at + interval '1 us' WHERE instruction_id = $1 AND sequence = 3", "Event 3 of"),
    (f"UPDATE {EVENT} SET facts = '{{}}' WHERE instruction_id = $1 AND sequence = 3", "Event 3 of"),
    (f"DELETE FROM {EVENT} WHERE instruction_id = $1 AND sequence = 2", "Event 3 of instruction {id} is at the place"),
    (f"DELETE FROM {EVENT} WHERE instruction_id = $1 AND sequence = 3", "Instruction {id} has the status CONFIRMED"),
    (f"DELETE FROM {EVENT} WHERE instruction_id = $1", "Instruction {id} has no events"),
    ("UPDATE brokergraph.instruction SET amount = 999 WHERE id = $1", "Event 1 of instruction {id} does not match"),
    ("UPDATE brokergraph.instruction SET login = '1' WHERE id = $1", "Instruction {id} has another outcome"),
    (
        "UPDATE brokergraph.instruction SET status = 'REJECTED' WHERE id = $1",
        "Instruction {id} has the status REJECTED",
    ),
    ("DELETE FROM brokergraph.instruction WHERE id = $1", "Instruction {id} is missing, but its events are there"),
    (
        f"""UPDATE {EVENT} SET sequence = CASE sequence WHEN 2 THEN 3 ELSE 2 END
            WHERE instruction_id = $1 AND sequence IN (2, 3)""",
        "Event 2 of instruction {id} does not match",
    ),
    (
        f"""INSERT INTO {EVENT} (instruction_id, sequence, at, status, actor, note, facts, hash)
            VALUES ($1, 4, now(), 'CONFIRMED', 'x', 'x', '{{}}', sha256('x'))""",
        "Event 4 of instruction {id} does not match",
    ),
]


@pytest.mark.parametrize("statement, problem", TAMPERING, ids=lambda value: value[:60])
@pytest.mark.parametrize("place", [1, 4], ids=["covered", "uncovered"])
async def test_tampering_is_found_and_named(ledger, statement, problem, place):
    database, connection, made = ledger
    await connection.execute("ALTER TABLE brokergraph.instruction_event DROP CONSTRAINT instruction_event_pkey")

    await connection.execute(statement, made[place].id)

    found = (await verify(database)).problem
    assert found is not None
    assert found.startswith(problem.format(id=made[place].id)), found


async def test_a_whole_instruction_that_was_dropped_is_missed(ledger):
    database, connection, made = ledger
    await connection.execute(f"DELETE FROM {EVENT} WHERE instruction_id = $1", made[1].id)
    await connection.execute("DELETE FROM brokergraph.instruction WHERE id = $1", made[1].id)

    found = (await verify(database)).problem

    assert found is not None
    assert found.startswith("Checkpoint 1 covered 9 events up to position 9, and there are 6")


async def test_verify_reports_a_removed_tail_when_it_gets_the_logged_checkpoint(ledger):
    database, connection, made = ledger
    kept = (await ReconciliationQueue(database).make_checkpoint()).hex()
    await connection.execute(f"DELETE FROM {EVENT} WHERE instruction_id = $1", made[4].id)
    await connection.execute("DELETE FROM brokergraph.instruction WHERE id = $1", made[4].id)
    await connection.execute("DELETE FROM brokergraph.checkpoint WHERE number = 2")

    assert (await verify(database)).problem is None
    found = (await verify(database, kept)).problem
    assert found == f"The checkpoint {kept} is not in the chain: its events were removed or rewritten."


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE brokergraph.checkpoint SET events = events + 1",
        "UPDATE brokergraph.checkpoint SET hash = sha256('x')",
        "UPDATE brokergraph.checkpoint SET number = 7",
    ],
)
async def test_a_checkpoint_that_was_altered_is_found(ledger, statement):
    database, connection, _ = ledger

    await connection.execute(statement)

    found = (await verify(database)).problem
    assert found is not None
    assert found.startswith("Checkpoint 1 ")
