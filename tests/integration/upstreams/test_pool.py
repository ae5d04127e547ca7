"""Connections to PostgreSQL that go from one read straight to the next: none is lost, and none is handed on that is not
as it was.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from support.vendor_calls import a_call

from core.errors import Misunderstood, Unavailable
from core.secret import Secret
from upstreams.postgres import pool
from upstreams.postgres.database import Database, DatabaseConfig

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


async def test_a_cancelled_waiter_takes_no_connection(box):
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
        holding = asyncio.create_task(pid(database, SLEEP, 30.0, seconds=2.0))
        await asyncio.sleep(0.1)
        with pytest.raises(Unavailable):
            await pid(database, seconds=0.2)
        # A waiter gets what is left of its time, and not the whole time again.
        with pytest.raises(Unavailable):
            await asyncio.wait_for(pid(database, SLEEP, 30.0, seconds=2.2), 3.5)
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


async def test_a_connection_that_asyncpg_aborted_frees_its_slot(box):
    """An abort closes the connection without a message to the pool. The connection holds the only place of the pool."""
    async with opened(box, 1) as database:
        before = await pid(database)
        [connection] = (await database.pool())._at_hand  # noqa: SLF001 - there is no other way to it.
        connection._protocol.abort()  # noqa: SLF001 - as asyncpg does to itself.
        assert await pid(database, seconds=20.0) != before


async def test_a_connection_that_dies_under_a_read_is_replaced(box, database):
    async with opened(box, 1) as ours:
        reading, call = await pid(ours), a_call()
        task = asyncio.create_task(ours.read(SLEEP, 0.5, call=call))
        await asyncio.sleep(0.1)
        await database.fetch("SELECT pg_terminate_backend($1)", reading)
        [row] = await task

    assert (row["pid"] != reading, call.tally.calls["TEST"]) == (True, 2)


class Way:
    """A way to PostgreSQL on which nothing comes or goes once it is frozen, until it is thawed for new connections."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._asked = parse_qs(parts.query)
        self._host = self._asked.get("host", [parts.hostname])[0]
        self._port = int(self._asked.get("port", [parts.port or 5432])[0])
        self._parts = parts
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()

    def url_at(self, port: int) -> str:
        user = self._parts.netloc.rpartition("@")[0]
        return self._parts._replace(netloc=f"{user}@127.0.0.1:{port}", query="").geturl()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._host.startswith("/"):
            far = await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
        else:
            far = await asyncio.open_connection(self._host, self._port)
        for source, target in ((reader, far[1]), (far[0], writer)):
            self._tasks.add(asyncio.create_task(self._pump(source, target, self._flowing)))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
        try:
            while data := await source.read(65536):
                await flowing.wait()
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass
        finally:
            target.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def opened_on_a_way(box, **more) -> AsyncIterator[tuple[Database, Way]]:
    """asyncpg would wait for a minute to hear that a statement is cancelled."""
    way = Way(box.graph_database_url)
    server = await asyncio.start_server(way.accept, "127.0.0.1", 0)
    url = Secret(way.url_at(server.sockets[0].getsockname()[1]))
    database = Database(DatabaseConfig(url=url, pool_size=1, statement_timeout_seconds=60.0, **more), label="TEST")
    try:
        yield database, way
    finally:
        await database.close()
        server.close()
        await way.close()


async def sleeping(connection):
    await connection.execute("SELECT pg_sleep(0)")


FROZEN = {
    "a read": lambda database: pid(database, seconds=0.3),
    "a write": lambda database: database.write(WHO, seconds=0.3),
    "a transaction": lambda database: database.transact(sleeping, seconds=0.3),
}


@pytest.mark.parametrize("what", FROZEN)
async def test_a_statement_on_a_dead_connection_ends_at_its_deadline(box, what):
    async with opened_on_a_way(box) as (database, way):
        before = await pid(database)
        way.freeze()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(FROZEN[what](database), 20.0)
        way.thaw()

        # It was the only one, and its place is free.
        assert await pid(database, seconds=20.0) != before


async def test_a_dead_connection_gets_no_rollback(box):
    async with opened_on_a_way(box) as (database, way):
        frozen = asyncio.Event()

        async def work(connection):
            await connection.execute("SELECT 1")
            way.freeze()
            frozen.set()
            await connection.execute("SELECT 1")

        with pytest.raises(Unavailable):
            await asyncio.wait_for(database.transact(work, seconds=0.5), 20.0)
        assert frozen.is_set()


async def test_closing_ends_what_is_being_given_back(box):
    async with opened_on_a_way(box) as (database, way):
        await pid(database)
        way.freeze()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(pid(database, seconds=0.3), 20.0)
        await asyncio.wait_for(database.close(), 20.0)
        assert not (await database.pool())._tasks  # noqa: SLF001 - there is no other way to them.


async def sleeping_there(connection):
    await connection.execute("SELECT pg_sleep(60)")


async def sleeping_here(_connection):
    await asyncio.sleep(60)


async def refused(connection):
    await connection.execute("SELECT no_such_thing")


@pytest.mark.parametrize("fail", [sleeping_there, sleeping_here, refused])
async def test_what_a_write_that_failed_held_is_free_when_it_ends(box, caplog, fail):
    async def work(connection):
        await connection.execute("SELECT pg_advisory_xact_lock(4711)")
        await fail(connection)

    async with opened(box, 2) as database:
        for _ in range(3):
            with pytest.raises((Unavailable, Misunderstood)):
                await database.transact(work, seconds=0.3)
            [row] = await database.write("SELECT pg_try_advisory_xact_lock(4711) AS free", seconds=10.0)
            assert row["free"]
    assert caplog.records == []


async def test_a_write_does_not_wait_for_an_idle_connection(box):
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


async def test_a_refused_statement_does_not_delay_the_next(box):
    async with opened(box, 1) as database:
        for _ in range(3):
            with pytest.raises(Misunderstood):
                await pid(database, "SELECT no_such_thing")
        assert await pid(database)


async def test_what_is_at_hand_goes_back_to_the_pool_after_a_moment(box, monkeypatch):
    """Or it would never let go of an idle connection."""
    monkeypatch.setattr(pool, "AT_HAND_SECONDS", 1.0)
    async with opened(box, 3) as database:
        await asyncio.gather(*(pid(database, SLEEP, 0.02) for _ in range(3)))
        asyncpgs = (await database.pool())._pool  # noqa: SLF001 - what asyncpg itself knows.
        assert asyncpgs.get_idle_size() == 0
        for _ in range(600):
            if asyncpgs.get_idle_size() == 3:
                break
            await asyncio.sleep(0.05)
        assert asyncpgs.get_idle_size() == 3
        assert await pid(database)


async def test_closing_does_not_wait_for_idle_connections(box):
    async with opened(box, 2) as database:
        await asyncio.gather(*(pid(database, SLEEP, 0.02) for _ in range(2)))
        await asyncio.wait_for(database.close(), 1.0)
        assert (await database.pool())._pool.get_size() == 0  # noqa: SLF001 - as above.
