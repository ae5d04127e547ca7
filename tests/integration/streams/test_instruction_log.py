"""The log has every committed event once, in one order without a gap, and a stream misses none of them."""

import asyncio
import itertools
import random
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import pytest
from support.ledgers import confirmed_instruction, new_deposit, receive, scratch_database
from support.polling import PATIENCE_SECONDS, until

from core.clock import Clock
from core.errors import System, Unavailable
from core.secret import Secret
from core.shared_tasks import share
from instructions.log_feed import LogFeed
from instructions.log_receivers import Bounds, CursorAhead, LogEnd, LogEnded
from instructions.sequencer import Sequencer
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.state.instruction_log import InstructionLog, LogPosition
from upstreams.state.instructions import Ledger, Transition

pytestmark = pytest.mark.anyio

LONG = timedelta(days=14)


@pytest.fixture
async def scratch(box):
    async with scratch_database(box) as opened:
        yield opened


def every(_entry):
    return True


def sequencer_of(database, numbered=lambda: None):
    return Sequencer(InstructionLog(database), Clock(), poll_seconds=0.01, retention=LONG, numbered=numbered)


@asynccontextmanager
async def running(*work):
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def taken(stream, number):
    """The next entries of a stream, without positions alone."""
    found = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found) < number:
            _, entry = await anext(stream)
            if entry is not None:
                found.append(entry)
    return found


async def all_entries(database):
    return (await InstructionLog(database).read(0, 10_000)).entries


async def numbered(database, seq):
    async def ends_there():
        return (await InstructionLog(database).head())[0].seq >= seq

    await until(ends_there)


def assert_in_order(entries):
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    last = {}
    for entry in entries:
        order = ("RECEIVED", "SENT", "CONFIRMED").index(entry.event.status)
        assert order == last.get(entry.instruction.id, -1) + 1
        last[entry.instruction.id] = order


async def test_an_event_that_commits_late_gets_a_later_number(scratch):
    database, connection = scratch
    record, _ = await receive(Ledger(database, Clock()), new_deposit(1))
    log = InstructionLog(database)
    await log.number()
    feed = LogFeed(log, poll_seconds=0.01)
    async with running(feed.run(), sequencer_of(database).run()), aclosing(feed.follow(None, every, 60)) as stream:
        first = asyncio.create_task(taken(stream, 2))
        await until(lambda: feed._attached)  # noqa: SLF001 - there is no other sign that the stream is attached.
        open_transaction = connection.transaction()
        await open_transaction.start()
        await connection.execute(
            "UPDATE brokergraph.instruction SET status = 'SENT', sent_at = now() WHERE id = $1", record.id
        )
        await connection.execute(
            "INSERT INTO brokergraph.instruction_event (instruction_id, sequence, at, status, actor)"
            " VALUES ($1, 2, now(), 'SENT', 'slow')",
            record.id,
        )
        other, _ = await receive(Ledger(database, Clock()), new_deposit(2))
        await numbered(database, 2)
        await open_transaction.commit()
        entries = await first

    assert [(entry.seq, entry.event.instruction_id, entry.event.status) for entry in entries] == [
        (2, other.id, "RECEIVED"),
        (3, record.id, "SENT"),
    ]


async def test_two_sequencers_give_each_event_one_number(scratch):
    database, _ = scratch
    logs = [InstructionLog(database), InstructionLog(database)]

    async def write():
        for number in range(20):
            await confirmed_instruction(database, number)

    async def number(log):
        for _ in range(60):
            await log.number()

    await asyncio.gather(write(), *map(number, logs))
    await logs[0].number()

    entries = await all_entries(database)
    assert len(entries) == 60
    assert_in_order(entries)


async def test_a_stalled_holder_of_the_lease_does_no_harm_when_it_wakes_up(scratch):
    database, connection = scratch
    stalled, healthy = sequencer_of(database), sequencer_of(database)
    await stalled.work()
    await confirmed_instruction(database, 1)
    await healthy.work()
    assert await all_entries(database) == []

    await connection.execute("UPDATE brokergraph.lease SET until = now() WHERE name = 'sequencer'")
    healthy = sequencer_of(database)
    await asyncio.gather(healthy.work(), stalled.work(), confirmed_instruction(database, 2))
    await asyncio.gather(healthy.work(), stalled.work())

    entries = await all_entries(database)
    assert len(entries) == 6
    assert_in_order(entries)


async def test_a_sequencer_that_ends_gives_its_lease_to_the_next_one(scratch):
    database, connection = scratch
    async with running(sequencer_of(database).run()):
        await until(lambda: connection.fetchval("SELECT count(*) FROM brokergraph.lease WHERE name = 'sequencer'"))

    await confirmed_instruction(database, 1)
    await sequencer_of(database).work()
    assert len(await all_entries(database)) == 3


@pytest.mark.parametrize("seed", range(3))
async def test_streams_that_begin_anywhere_get_every_event_once(scratch, seed):
    database, _ = scratch
    dice = random.Random(seed)
    feed = LogFeed(InstructionLog(database), poll_seconds=0.005)
    total = 30 * 3

    async def write(part):
        for number in range(10):
            await confirmed_instruction(database, f"{part}-{number}")
            await asyncio.sleep(dice.random() * 0.01)

    async def follow():
        """Reads some entries, hangs up, and continues behind the last one."""
        epoch, found = (await feed.head()).epoch, []
        last = LogPosition(epoch, 0)
        while len(found) < total:
            async with aclosing(feed.follow(last, every, 60)) as stream:
                for entry in await taken(stream, min(dice.randint(1, 40), total - len(found))):
                    found.append(entry)
                    last = LogPosition(epoch, entry.seq)
            await asyncio.sleep(dice.random() * 0.02)
        return found

    async with running(feed.run(), sequencer_of(database, feed.wake).run()):
        *_, one, two, three = await asyncio.gather(*map(write, range(3)), follow(), follow(), follow())

    for found in (one, two, three):
        assert_in_order(found)
        assert len(found) == total


async def test_a_filtered_stream_says_where_it_may_continue(scratch):
    database, _ = scratch
    feed = LogFeed(InstructionLog(database), poll_seconds=0.005)
    async with running(feed.run(), sequencer_of(database, feed.wake).run()):
        start = await feed.head()
        async with aclosing(feed.follow(start, lambda _: False, 0.05)) as stream:
            await anext(stream)
            await confirmed_instruction(database, 1)
            position = start
            async with asyncio.timeout(PATIENCE_SECONDS):
                while position.seq < 3:
                    position, entry = await anext(stream)
                    assert entry is None


@pytest.mark.parametrize("stalled", [True, False])
async def test_only_a_stream_that_is_not_read_is_too_slow(scratch, stalled):
    database, _ = scratch
    bounds = Bounds(entries=4, stalled_seconds=0.05 if stalled else 1000.0)
    feed = LogFeed(InstructionLog(database), poll_seconds=0.005, bounds=bounds)
    async with running(feed.run(), sequencer_of(database, feed.wake).run()):
        stream = feed.follow(await feed.head(), every, 60)
        waiting = asyncio.create_task(taken(stream, 1))
        await asyncio.sleep(0.05)
        await confirmed_instruction(database, 1)
        found = await waiting
        for number in range(2, 5):
            await confirmed_instruction(database, number)
        await numbered(database, 12)
        await feed.read()
        await asyncio.sleep(0.1)
        if stalled:
            with pytest.raises(LogEnded) as ended:
                await taken(stream, 1)
            assert ended.value.end is LogEnd.BEHIND
            assert ended.value.position.seq == found[-1].seq
        else:
            assert_in_order(found + await taken(stream, 11))


async def test_a_stream_that_still_reads_older_entries_is_never_too_slow(scratch):
    database, _ = scratch
    for number in range(4):
        await confirmed_instruction(database, number)
    feed = LogFeed(InstructionLog(database), poll_seconds=0.005, bounds=Bounds(entries=2))
    async with running(feed.run(), sequencer_of(database, feed.wake).run()):
        await numbered(database, 12)
        head = await feed.head()
        stream = feed.follow(LogPosition(head.epoch, 0), every, 60)
        found = await taken(stream, 1)
        for number in range(4, 8):
            await confirmed_instruction(database, number)
        await numbered(database, 24)
        await feed.read()
        found += await taken(stream, 23)

    assert_in_order(found)


class CountedLog(InstructionLog):
    """Counts its reads. The first fails."""

    def __init__(self, database):
        super().__init__(database)
        self.reads = 0

    async def read(self, after, most):
        self.reads += 1
        if self.reads == 1:
            raise Unavailable("no answer", system=System("STATE_DATABASE"))
        return await super().read(after, most)


async def test_streams_that_continue_together_share_what_they_read(scratch):
    database, _ = scratch
    for number in range(8):
        await confirmed_instruction(database, number)
    await sequencer_of(database).work()
    shared = CountedLog(database)
    feed = LogFeed(shared, poll_seconds=0.005)

    async def follow(start):
        async with aclosing(feed.follow(start, every, 60)) as stream:
            return await taken(stream, 24 - start.seq)

    epoch = (await feed.head()).epoch
    with pytest.raises(Unavailable):
        await follow(LogPosition(epoch, 0))
    everything, *rest = await asyncio.gather(*(follow(LogPosition(epoch, place % 20)) for place in range(60)))

    assert shared.reads == 2
    assert_in_order(everything)
    for place, entries in enumerate(rest, 1):
        assert all(one is other for one, other in zip(entries, everything[place % 20 :], strict=True))


async def test_an_answer_to_an_entry_is_not_shared_with_a_slow_reader(scratch, monkeypatch):
    monkeypatch.setattr("upstreams.state.instruction_log._SHARED_SECONDS", 0.5)
    database, _ = scratch
    await confirmed_instruction(database, 1)
    await sequencer_of(database).work()
    [entry, *_] = (await InstructionLog(database).read(0, 10)).entries
    made = itertools.count(1)

    async def answer():
        return next(made)

    together = await asyncio.gather(*(share(entry.answers, "same", answer) for _ in range(2)))
    await asyncio.sleep(0.6)

    assert together == [1, 1]
    assert await share(entry.answers, "same", answer) == 2


async def test_a_restored_backup_has_another_epoch(scratch):
    database, connection = scratch
    await confirmed_instruction(database, 1)
    log = InstructionLog(database)
    await log.number()
    before = (await log.head())[0]
    feed = LogFeed(log, poll_seconds=0.005)
    async with running(feed.run()):
        stream = feed.follow(before, every, 60)
        waiting = asyncio.create_task(taken(stream, 1))
        await asyncio.sleep(0.05)
        # Where the rows were made shows in the origin: another cluster, timeline or table.
        await connection.execute("UPDATE brokergraph.stream_head SET origin = 'another'")
        await log.number()
        with pytest.raises(LogEnded) as running_stream:
            await waiting
        with pytest.raises(LogEnded) as new_stream:
            await feed.check(before)

    assert [one.value.end for one in (running_stream, new_stream)] == [LogEnd.RESET, LogEnd.RESET]
    assert (await log.head())[0].epoch != before.epoch


async def test_a_cursor_is_checked_before_a_stream_begins(scratch):
    database, connection = scratch
    await confirmed_instruction(database, 1)
    log = InstructionLog(database)
    await log.number()
    feed, head = LogFeed(log, poll_seconds=1), (await log.head())[0]
    await feed.check(head)
    with pytest.raises(CursorAhead):
        await feed.check(LogPosition(head.epoch, head.seq + 1))

    await connection.execute("UPDATE brokergraph.stream_event SET at = at - interval '15 days' WHERE seq < 3")
    await log.forget(LONG)

    with pytest.raises(LogEnded):
        await feed.check(LogPosition(head.epoch, 1))
    await feed.check(LogPosition(head.epoch, 2))
    assert [entry.seq for entry in (await log.read(2, 10)).entries] == [3]


async def test_a_role_without_special_rights_numbers_events(scratch):
    database, connection = scratch
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(
        f"CREATE ROLE {name}_role LOGIN PASSWORD 'x';"
        f"GRANT USAGE ON SCHEMA brokergraph TO {name}_role;"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA brokergraph TO {name}_role;"
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA brokergraph TO {name}_role"
    )
    url = database.config.url.reveal()
    head, _, place = url.rpartition("@")
    own = Database(
        DatabaseConfig(url=Secret(f"{head.partition('//')[0]}//{name}_role:x@{place}")), label="STATE_DATABASE"
    )
    try:
        await confirmed_instruction(own, 1)
        assert await InstructionLog(own).number() == 3
    finally:
        await own.close()
        await connection.execute(f"DROP OWNED BY {name}_role; DROP ROLE {name}_role")


async def test_no_transaction_of_an_instruction_notifies(scratch):
    _database, connection = scratch
    sources = await connection.fetch(
        "SELECT p.prosrc FROM pg_proc p JOIN pg_trigger t ON t.tgfoid = p.oid"
        " JOIN pg_class c ON c.oid = t.tgrelid AND c.relnamespace = 'brokergraph'::regnamespace"
    )
    assert sources
    assert not [one for one in sources if "notify" in one["prosrc"].lower()]


async def test_a_transition_rings_after_its_commit(scratch):
    database, _ = scratch
    rung = []
    ledger = Ledger(database, Clock(), ring=rung.append)
    record, _ = await receive(ledger, new_deposit(1))
    assert rung == ["committed"]
    record = await ledger.advance(record, Transition("SENT", "partner"))
    await ledger.advance(record, Transition("UNKNOWN", "partner"))
    assert rung == ["committed"] * 3 + ["unsettled"]
