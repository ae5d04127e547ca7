"""An outcome is stored in the end, whatever the database answers meanwhile."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from support.ledgers import new_deposit, receive, scratch_database

from core.clock import Clock
from core.errors import DatabaseFailure, System, Unavailable
from instructions.outcomes import Outcomes, pause_seconds
from instructions.reconciler import Reconciler, ReconciliationConfig
from upstreams.state.instructions import Ledger, Transition
from upstreams.state.reconciliation_queue import ReconciliationQueue

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scratch(box):
    async with scratch_database(box) as opened:
        yield opened


class QuickClock(Clock):
    """Sleeps take no time but are counted, and each moves the monotonic clock by a minute."""

    def __init__(self):
        self.slept = []

    def monotonic(self):
        return super().monotonic() + 60 * len(self.slept)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await asyncio.sleep(0)


class FailingLedger(Ledger):
    """Refuses the first `failures` moves to an outcome."""

    failures = 0

    async def advance(self, instruction, move):
        if move.status != "SENT" and self.failures > 0:
            self.failures -= 1
            error = Unavailable("raised on purpose", system=System("ERP_DATABASE"))
            error.database_failure = DatabaseFailure.REFUSED
            raise error
        return await super().advance(instruction, move)


async def sent(ledger, number=1):
    record, _ = await receive(ledger, new_deposit(number))
    return await ledger.advance(record, Transition("SENT", "partner"))


def test_pauses_grow_from_50_ms_and_stay_below_a_second():
    pauses = [pause_seconds(attempt) for attempt in range(2000)]

    assert pauses[0] == 0.05
    assert pauses == sorted(pauses)
    assert pauses[-1] < 1


async def test_an_outcome_is_repeated_until_it_is_stored_and_keeps_the_lease(scratch):
    database, connection = scratch
    clock = QuickClock()
    ledger = FailingLedger(database, clock)
    record = await sent(ledger)
    await connection.execute("UPDATE brokergraph.instruction SET settle_at = now() - interval '1 day'")
    ledger.failures = 50
    storing = asyncio.create_task(Outcomes(ledger, clock).store(record, Transition("CONFIRMED", "partner")))

    leased = None
    while not storing.done():
        leased = await connection.fetchval("SELECT settle_at - now() FROM brokergraph.instruction") or leased
        if leased > timedelta(seconds=60):
            break

    assert leased > timedelta(seconds=60)
    assert (await storing).status == "CONFIRMED"
    assert len(clock.slept) == 50


async def test_a_value_that_the_database_cannot_hold_leaves_the_outcome_unknown(scratch):
    database, _ = scratch
    clock = QuickClock()
    ledger = Ledger(database, clock)
    record = await sent(ledger)

    stored = await Outcomes(ledger, clock).store(
        record, Transition("CONFIRMED", "partner", upstream_reference="4\x007")
    )

    assert (stored.status, stored.upstream_reference) == ("UNKNOWN", None)


async def test_a_row_that_was_written_twice_with_one_identity_is_one_row(scratch):
    database, connection = scratch
    ledger = Ledger(database, Clock())
    draft, _ = new_deposit(1)

    first, second = await ledger.receive(draft), await ledger.receive(draft)

    assert first[0].id == second[0].id == draft.id
    assert first[1]
    assert second[1]
    assert await connection.fetchval("SELECT count(*) FROM brokergraph.instruction_event") == 1


async def test_a_row_whose_answer_was_lost_is_known_by_writing_it_again(scratch):
    """A read does not wait for a commit that is on its way; a second insert with the same key does."""
    database, connection = scratch
    ledger = Ledger(database, Clock())
    draft, _ = new_deposit(1)
    late = connection.transaction()
    await late.start()
    values = draft
    await connection.execute(
        """INSERT INTO brokergraph.instruction (id, kind, status, principal, idempotency_key, request_hash, reference,
           client_number, agency, amount, currency, created_at)
           VALUES ($1, 'DEPOSIT', 'RECEIVED', $2, $3, $4, $5, $6, 0, 1, 'USD', now())""",
        *(draft.id, values.principal, values.idempotency_key, values.request_hash, draft.reference, 1),
    )

    again = asyncio.create_task(ledger.receive(draft))
    await asyncio.sleep(0.1)
    assert await ledger.by_key(values.principal, values.idempotency_key) is None
    assert not again.done()
    await late.commit()

    record, is_new = await again
    assert (record.id, is_new) == (draft.id, True)


async def test_a_reconciler_goes_on_after_the_database_has_refused_it(scratch):
    database, _ = scratch
    ledger = Ledger(database, Clock())
    config = ReconciliationConfig(poll_interval_seconds=0.01, first_pause_seconds=0.0)

    looked_often = asyncio.Event()

    class OftenRefused(ReconciliationQueue):
        looks = 0

        async def claim(self, most, lease):
            self.looks += 1
            if self.looks < 3:
                return await self._database.write("SELECT * FROM brokergraph.nothing_there", seconds=5)
            looked_often.set()
            return await super().claim(most, lease)

    running = asyncio.create_task(Reconciler(OftenRefused(database), ledger, None, Clock(), config).run())
    async with asyncio.timeout(20):
        await looked_often.wait()

    assert not running.done()
    running.cancel()


async def test_a_draft_shows_the_row_as_it_will_be(scratch):
    database, _ = scratch
    ledger = Ledger(database, Clock())
    draft, _ = new_deposit(1, note="for the record")

    record, _ = await ledger.receive(draft)

    assert replace(draft, number=record.number, created_at=record.created_at) == record
    assert [event.note for event in draft.events] == ["for the record"]
