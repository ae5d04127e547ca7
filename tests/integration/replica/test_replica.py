"""A streaming replica: which reads it answers, and that no answer is wrong because of it."""

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace
from support.boxes import RunningBox, running_box
from support.graphs import Graph, running_graph
from support.mutations import deposit
from support.polling import until
from support.served import Operator, free_port
from support.standbys import debians_postgresql, signal_all, standby_of
from support.streams import EVENTS, EventSource
from support.vendor_calls import a_call

from core.clock import Clock
from core.secret import Secret
from sandbox.postgres import Postgres
from upstreams.flow.coalescing import Coalescing, Sharing
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.postgres.migrate import migrate
from upstreams.postgres.replica import Replica

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

LAG_SECONDS = 2.0
GRAPHS_LAG_SECONDS = 3.0
WHERE = "SELECT pg_is_in_recovery() AS at_replica"


@dataclass
class Pair:
    """The sandbox with a primary, and its replica. The connections have every right."""

    box: RunningBox
    standby: Postgres
    primary: asyncpg.Connection
    replica: asyncpg.Connection

    @property
    def replica_url(self) -> str:
        return self.standby.url_of("brokergraph")


@pytest.fixture(scope="module")
async def pair(tmp_path_factory) -> AsyncIterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    (folder / "box").mkdir()
    with debians_postgresql() as binaries, running_box(folder / "box", 60, SANDBOX_POSTGRESQL_BIN=binaries) as box:
        await migrate(Secret(box.graph_database_url))
        async with standby_of(folder / "box", box.database_url, folder / "standby") as standby:
            connections = [await asyncpg.connect(url) for url in (box.database_url, standby.url)]
            yield Pair(box, standby, *connections)
            for connection in connections:
                connection.terminate()


@asynccontextmanager
async def opened(pair: Pair, url: str | None = None) -> AsyncIterator[tuple[Database, Replica]]:
    """The graph's database with its replica, probed."""
    config = DatabaseConfig(url=Secret(pair.box.graph_database_url), pool_size=4)
    database = Database(config, label="TEST")
    database.replica = replica = Replica(database, database, Secret(url or pair.replica_url), LAG_SECONDS, Clock())
    watching = asyncio.create_task(replica.watch())
    try:
        yield database, replica
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await replica.aclose()
        await database.close()


async def read(database: Database, statement: str = WHERE, *arguments: Any, **more: Any) -> Any:
    """The first value, read for a query."""
    call = replace(a_call(), may_lag=True)
    return (await database.read(statement, *arguments, call=call, **more))[0][0]


async def test_only_reads_that_may_lag_go_to_the_replica(pair):
    async with opened(pair) as (database, replica):
        await until(lambda: replica.is_usable)

        assert await read(database)
        assert not await read(database, current=True)
        assert not (await database.read(WHERE, call=a_call()))[0][0]
        assert not (await database.write(WHERE, seconds=5))[0][0]

        assert replica.reads == {"replica": 1, "primary": 1}
        assert replica.lag_seconds() < LAG_SECONDS


@pytest.mark.parametrize("lagging,expected", [((True, True), True), ((True, False), False)])
async def test_a_shared_read_is_as_current_as_each_of_its_waiters_needs(lagging, expected):
    calls = []

    async def ask(_question, keys, call):
        calls.append(call)
        return dict.fromkeys(keys)

    shared = Coalescing(ask, Sharing(1, 100), too_late=TimeoutError, away=False)
    await asyncio.gather(*(shared.ask("", [1], replace(a_call(), may_lag=one)) for one in lagging))

    assert [call.may_lag for call in calls] == [expected]


async def test_a_server_that_is_no_replica_is_never_read(pair):
    async with opened(pair, pair.box.graph_database_url) as (database, replica):
        await until(lambda: database.major)
        await asyncio.sleep(0.1)

        assert not await read(database)
        assert (replica.is_usable, replica.fallbacks) == (False, {"left": 1})


async def test_a_read_that_recovery_cancels_is_repeated_at_the_primary(pair):
    await pair.primary.execute("CREATE TABLE public.conflict AS SELECT 1 AS value")
    await pair.primary.execute("GRANT SELECT ON public.conflict TO brokergraph")
    async with opened(pair) as (database, replica), altered(pair, "max_standby_streaming_delay", "0"):
        await until(lambda: replica.is_usable)
        await until(lambda: has_table(pair.replica))
        reading = asyncio.create_task(read(database, "SELECT value, pg_sleep($1) FROM public.conflict", 1.0))
        await until(lambda: sleeps(pair.replica))
        await pair.primary.execute("ALTER TABLE public.conflict ADD COLUMN other integer")

        assert await reading == 1
        assert replica.fallbacks == {"conflict": 1}
        assert replica.is_usable


async def has_table(connection: asyncpg.Connection) -> bool:
    return await connection.fetchval("SELECT to_regclass('public.conflict') IS NOT NULL")


async def sleeps(connection: asyncpg.Connection) -> bool:
    return await connection.fetchval("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")


@asynccontextmanager
async def altered(pair: Pair, name: str, value: str) -> AsyncIterator[None]:
    """The replica has this setting."""
    await pair.replica.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    await pair.replica.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        await pair.replica.execute(f"ALTER SYSTEM RESET {name}")
        await pair.replica.execute("SELECT pg_reload_conf()")


@asynccontextmanager
async def paused(pair: Pair) -> AsyncIterator[None]:
    """The replica receives the log and does not apply it."""
    await pair.replica.execute("SELECT pg_wal_replay_pause()")
    try:
        yield
    finally:
        await pair.replica.execute("SELECT pg_wal_replay_resume()")


async def test_a_replica_that_lags_is_left_until_it_has_caught_up(pair):
    async with opened(pair) as (database, replica):
        await until(lambda: replica.is_usable)
        async with paused(pair):
            await pair.primary.execute("CREATE TABLE IF NOT EXISTS public.newer AS SELECT 1 AS value")
            checking = asyncio.create_task(asyncio.to_thread(checked, pair, "ERP", pair.replica_url))
            await until(lambda: not replica.is_usable)

            assert not await read(database)
            assert replica.lag_seconds() > LAG_SECONDS
            [line] = await checking
            assert line.startswith("note  erp.replica_url: has not applied in 2 s what the primary had written")

        await until(lambda: replica.is_usable)
        assert await read(database)


async def test_reads_of_a_hanging_replica_are_answered_by_the_primary(pair):
    async with opened(pair) as (database, replica):
        await until(lambda: replica.is_usable)
        await asyncio.gather(*(read(database, "SELECT pg_sleep(0.05)") for _ in range(4)))
        signal_all(pair.standby, signal.SIGSTOP)
        try:
            # More reads than the pool has connections.
            answers = await asyncio.gather(*(read(database) for _ in range(8)))
        finally:
            signal_all(pair.standby, signal.SIGCONT)

        assert answers == [False] * 8
        assert sum(replica.fallbacks.values()) == 8
        await until(lambda: replica.is_usable)
        assert await read(database)


async def test_reads_of_a_dead_replica_are_answered_by_the_primary(pair):
    async with opened(pair) as (database, replica):
        await until(lambda: replica.is_usable)
        reading = asyncio.create_task(read(database, f"{WHERE} FROM (SELECT pg_sleep(0.5)) s"))
        await until(lambda: sleeps(pair.replica))
        pair.replica.terminate()
        await pair.standby.stop("immediate")
        try:
            assert not await reading
            assert not await read(database)
        finally:
            await pair.standby.start()
            pair.replica = await asyncpg.connect(pair.standby.url)

        await until(lambda: replica.is_usable)
        assert await read(database)


@pytest.fixture(scope="module")
def graphs(pair) -> Iterator[list[Graph]]:
    """Two processes, as behind a load balancer."""
    replica = {"REPLICA_URL": pair.replica_url, "REPLICA_LAG_SECONDS": str(GRAPHS_LAG_SECONDS)}
    settings = {f"{section}__{name}": value for section in ("ERP", "STATE") for name, value in replica.items()}
    settings |= {"SERVER__METRICS": "everyone", "SERVER__HOT_AFTER": "0"}
    with running_graph(pair.box, **settings) as one, running_graph(pair.box, **settings) as other:
        yield [one, other]


def figure(graph: Graph, name: str, **labels: str) -> float:
    text = graph.client.get(f"{graph.url}/metrics").text
    wanted = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return float(re.search(rf"^{name}{{{wanted}}} (\S+)$", text, re.MULTILINE)[1])


def replica_reads(graph: Graph, database: str) -> float:
    return figure(graph, "brokergraph_replica_reads_total", database=database, target="replica")


async def all_use_it(graphs: list[Graph]) -> None:
    for graph in graphs:
        for database in ("ERP_DATABASE", "STATE_DATABASE"):
            await until(lambda g=graph, d=database: figure(g, "brokergraph_replica_used", database=d))


CLIENTS = "{ clients(first: 2) { nodes { fullName } } }"
AT_REPLICA = {
    "clients": (CLIENTS, "ERP_DATABASE", 1),
    "clients that a filter selects": (
        '{ clients(first: 2, filter: {search: "a"}) { nodes { fullName } } }',
        "ERP_DATABASE",
        1,
    ),
    "instructions": ("{ instructions(first: 1) { nodes { status } } }", "STATE_DATABASE", 1),
    "an instruction": ('{ instruction(by: {idempotencyKey: "x"}) { status } }', "STATE_DATABASE", 0),
}


@pytest.mark.parametrize("query,database,reads", AT_REPLICA.values(), ids=AT_REPLICA)
async def test_queries_are_read_from_the_replica(graphs, query, database, reads):
    await all_use_it(graphs)
    graph = graphs[0]
    graph.data(query)
    before = replica_reads(graph, database)
    graph.data(query)

    assert replica_reads(graph, database) == before + reads


def newest_key(graph: Graph) -> str:
    return graph.data("{ instructions(first: 1) { nodes { idempotencyKey } } }")["instructions"]["nodes"][0][
        "idempotencyKey"
    ]


async def test_another_process_shows_a_deposit_at_once_although_the_replica_is_late(pair, graphs):
    one, other = graphs
    await all_use_it(graphs)
    lists, accounts = replica_reads(other, "STATE_DATABASE"), replica_reads(one, "ERP_DATABASE")
    async with altered(pair, "recovery_min_apply_delay", "200ms"):
        for _ in range(3):
            told = deposit(one, "R1", "61436")
            assert newest_key(other) == told["instruction"]["idempotencyKey"]

    assert replica_reads(other, "STATE_DATABASE") == lists + 3
    # The answer to a mutation has the account as the primary knows it.
    assert replica_reads(one, "ERP_DATABASE") == accounts


async def test_another_process_shows_a_deposit_at_once_although_the_replica_stands_still(pair, graphs):
    one, other = graphs
    await all_use_it(graphs)
    async with paused(pair):
        told = deposit(one, "R1", "61436")
        assert newest_key(other) == told["instruction"]["idempotencyKey"]
        began = time.monotonic()
        told = deposit(one, "R1", "61436")
        quick = time.monotonic() - began
        assert newest_key(other) == told["instruction"]["idempotencyKey"]

    # Only the first deposit waits until every process has left the replica.
    assert quick < GRAPHS_LAG_SECONDS
    assert not figure(other, "brokergraph_replica_used", database="STATE_DATABASE")


async def test_a_stream_has_each_event_that_the_list_before_it_lacks(pair, graphs):
    one, other = graphs
    await all_use_it(graphs)
    end = "SELECT seq FROM brokergraph.stream_head"
    seq = await pair.primary.fetchval(end)

    async def is_replicated():
        return await pair.replica.fetchval(end) == seq

    async def is_logged():
        return await pair.primary.fetchval(end) > seq

    await until(is_replicated)
    async with paused(pair):
        depositing = asyncio.create_task(asyncio.to_thread(deposit, one, "R1", "61436"))
        await until(is_logged)
        cursor = other.data("{ instructionEventsCursor }")["instructionEventsCursor"]
        listed = other.data("{ instructions(first: 1) { nodes { id } } }")["instructions"]["nodes"]
    told = (await depositing)["instruction"]

    async with EventSource.open(other.url, EVENTS, {"after": cursor}) as stream:
        assert {"id": told["id"]} not in listed
        first = (await stream.next())["data"]["instructionEvents"]
        assert (first["instruction"]["id"], first["event"]["status"]) == (told["id"], "RECEIVED")


def checked(pair: Pair, section: str, url: str) -> list[str]:
    """What `brokergraph check` says about the replica of a section."""
    settings = {f"BROKERGRAPH_{section}__REPLICA_URL": url, f"BROKERGRAPH_{section}__REPLICA_LAG_SECONDS": "2"}
    output = Operator(pair.box.settings_path, settings).run_here("check").output
    return [line for line in output.splitlines() if "replica_url" in line]


def test_check_accepts_a_replica(pair):
    assert checked(pair, "ERP", pair.replica_url) == ["ok    erp.replica_url: a replica of the primary"]


def test_check_names_a_server_that_is_no_replica(pair):
    [line] = checked(pair, "STATE", pair.box.graph_database_url)

    assert line == "WRONG state.replica_url: is no replica, because the server is not in recovery"


def test_check_names_a_replica_that_does_not_answer(pair):
    [line] = checked(pair, "STATE", f"postgresql://brokergraph:x@127.0.0.1:{free_port()}/brokergraph")

    assert line.startswith("WRONG state.replica_url: nothing listens on 127.0.0.1:")
