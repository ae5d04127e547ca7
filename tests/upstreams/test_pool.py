"""Connections to PostgreSQL that go from one read straight to the next: none is lost, and none is handed on that is not
as it was.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from conftest import a_call

from upstreams import pool
from upstreams.database import Database, DatabaseConfig
from upstreams.errors import Misunderstood, Unavailable
from upstreams.secret import Secret

pytestmark = pytest.mark.anyio

WHO = "SELECT pg_backend_pid() AS pid"
SLEEP = "SELECT pg_backend_pid() AS pid, pg_sleep($1)"


@asynccontextmanager
async def opened(box, pool_size: int, **more) -> AsyncIterator[Database]:
    database = Database(DatabaseConfig(url=Secret(box.graph_database_url), pool_size=pool_size, **more), label="TEST")
    try:
        yield database
    finally:
        await database.close()


async def pid(database: Database, statement: str = WHO, *arguments, seconds: float = 10.0) -> int:
    rows = await database.read(statement, *arguments, call=a_call(seconds))
    return rows[0]["pid"]


async def test_one_read_after_the_other_has_the_same_connection(box):
    async with opened(box, 4) as database:
        assert len({await pid(database) for _ in range(10)}) == 1


async def test_there_are_never_more_connections_than_the_pool_may_have(box):
    async with opened(box, 3) as database:
        pids = await asyncio.gather(*(pid(database, SLEEP, 0.005) for _ in range(60)))
    assert len(set(pids)) == 3


async def test_whoever_gives_up_takes_no_connection_with_him(box):
    dice = random.Random(7)
    async with opened(box, 2) as database:
        tasks = [asyncio.create_task(pid(database, SLEEP, 0.01)) for _ in range(60)]
        for task in dice.sample(tasks, 45):
            # At the door, in the middle, and at the very moment of being called.
            await asyncio.sleep(dice.choice([0, 0, 0.001, 0.004]))
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(one) for one in done} <= {int, asyncio.CancelledError}

        last = await asyncio.gather(*(pid(database, SLEEP, 0.1, seconds=5.0) for _ in range(2)))

    assert len(set(last)) == 2


async def test_a_statement_ends_with_the_callers_time(box):
    async with opened(box, 1) as database:
        with pytest.raises(Unavailable):
            await pid(database, SLEEP, 30.0, seconds=0.2)
        assert await pid(database)


async def test_a_statement_ends_with_its_own_time(box):
    async with opened(box, 1, statement_timeout_seconds=0.2) as database:
        with pytest.raises(Unavailable):
            await asyncio.wait_for(pid(database, SLEEP, 30.0, seconds=20.0), 5.0)


async def test_the_wait_for_a_connection_counts(box):
    async with opened(box, 1) as database:
        holding = asyncio.create_task(pid(database, SLEEP, 30.0, seconds=1.0))
        await asyncio.sleep(0.1)
        with pytest.raises(Unavailable):
            await pid(database, seconds=0.2)
        # The one who waits gets what is left of his time, and not all of it anew.
        with pytest.raises(Unavailable):
            await asyncio.wait_for(pid(database, SLEEP, 30.0, seconds=1.2), 1.75)
        with pytest.raises(Unavailable):
            await holding


async def test_a_connection_that_died_at_hand_is_not_asked(box, database):
    async with opened(box, 4) as ours:
        dead = set(await asyncio.gather(*(pid(ours, SLEEP, 0.05) for _ in range(4))))
        for one in dead:
            await database.fetch("SELECT pg_terminate_backend($1)", one)
        await asyncio.sleep(0.1)
        call = a_call()
        rows = await asyncio.gather(*(ours.read(SLEEP, 0.05, call=call) for _ in range(4)))

    # At the first try each, and the pool has its four places again.
    assert call.tally.calls["TEST"] == 4
    assert len({row["pid"] for [row] in rows} - dead) == 4


async def test_a_connection_that_asyncpg_aborted_leaves_its_place(box):
    """An abort closes it without telling the pool, whose only place it holds."""
    async with opened(box, 1) as database:
        before = await pid(database)
        [connection] = (await database.pool())._at_hand  # noqa: SLF001 - there is no other way to it.
        connection._protocol.abort()  # noqa: SLF001 - as asyncpg does to itself.
        assert await pid(database, seconds=2.0) != before


async def test_a_connection_that_dies_under_a_read_is_replaced(box, database):
    async with opened(box, 1) as ours:
        reading, call = await pid(ours), a_call()
        task = asyncio.create_task(ours.read(SLEEP, 0.5, call=call))
        await asyncio.sleep(0.1)
        await database.fetch("SELECT pg_terminate_backend($1)", reading)
        [row] = await task

    assert (row["pid"] != reading, call.tally.calls["TEST"]) == (True, 2)


async def test_who_writes_need_not_wait_for_what_is_at_hand(box):
    async with opened(box, 1) as database:
        reader = await pid(database)
        [written] = await database.write(WHO, seconds=1.0)
        assert written["pid"] == reader == await pid(database)


async def test_what_a_transaction_left_open_is_not_handed_on(box):
    async with opened(box, 1) as database:
        before = await pid(database)
        async with database.connection(1.0) as connection:
            await connection.execute("BEGIN; SET LOCAL statement_timeout = 1234")
        [row] = await database.read("SELECT current_setting('statement_timeout') AS it", call=a_call())
        assert (await pid(database), row["it"]) == (before, "0")


async def test_a_statement_that_is_refused_keeps_nobody_from_the_next(box):
    async with opened(box, 1) as database:
        for _ in range(3):
            with pytest.raises(Misunderstood):
                await pid(database, "SELECT no_such_thing")
        assert await pid(database)


async def test_what_is_at_hand_goes_back_to_the_pool_after_a_moment(box, monkeypatch):
    """Or it would never let go of an idle connection."""
    monkeypatch.setattr(pool, "AT_HAND_SECONDS", 0.05)
    async with opened(box, 3) as database:
        await asyncio.gather(*(pid(database, SLEEP, 0.02) for _ in range(3)))
        asyncpgs = (await database.pool())._pool  # noqa: SLF001 - what asyncpg itself knows.
        assert asyncpgs.get_idle_size() == 0
        await asyncio.sleep(0.3)
        assert asyncpgs.get_idle_size() == 3
        assert await pid(database)


async def test_closing_waits_for_nobody_at_hand(box):
    async with opened(box, 2) as database:
        await asyncio.gather(*(pid(database, SLEEP, 0.02) for _ in range(2)))
        await asyncio.wait_for(database.close(), 1.0)
        assert (await database.pool())._pool.get_size() == 0  # noqa: SLF001 - as above.
