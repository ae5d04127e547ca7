"""Several processes, a replica that stalls, fail-overs, and networks that break: no read is older than an answered
mutation. Time is simulated, so that minutes of it take a moment.
"""

import asyncio
import random
import selectors
from contextlib import suppress

import pytest
from msgspec.structs import replace
from support.vendor_calls import a_call

from core.clock import Clock
from core.errors import ERP_DATABASE, Unavailable
from core.secret import Secret
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.postgres.replica import Replica
from upstreams.postgres.sql import read_statements

SQL = read_statements("postgres/replica.sql")
PROCESSES = 3
LAG_SECONDS = 2.0
SIMULATED_SECONDS = 400.0
FAILOVERS = 0.3


class SimulatedTime(selectors.SelectSelector):
    """The loop never waits: its time jumps to the next timer."""

    now = 0.0

    def select(self, timeout=None):
        self.now += timeout or 0.0
        return super().select(0)


class LoopClock(Clock):
    def monotonic(self):
        return asyncio.get_running_loop().time()


class World:
    """The servers: commits are numbered, and the replica applies them in their order."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.timeline = self.replica_timeline = 1
        self.written = self.applied = self.answered = 0
        self.stands_still = False
        self.cut: set[tuple[int, str]] = set()
        self.mutating: set[int] = set()
        self.closed_until = 0.0
        self.replica_reads = self.commits = 0
        self.waits = []

    def now(self):
        return asyncio.get_running_loop().time()

    async def apply(self):
        while True:
            await asyncio.sleep(self.dice.uniform(0.001, 0.05))
            if not self.stands_still:
                self.applied = self.written

    async def stall(self):
        """The replica stops and goes on. After a fail-over it stays at the end of the old primary's log."""
        while True:
            await asyncio.sleep(self.dice.uniform(0, 40))
            self.stands_still = True
            if self.dice.random() < FAILOVERS:
                self.timeline, self.applied = self.timeline + 1, self.written
            await asyncio.sleep(self.dice.choice((0.5, 1.5, 3, 8, 20)))
            self.replica_timeline = self.timeline
            self.stands_still = False

    async def part(self):
        """One process does not reach one server. A process that cannot reach the primary commits nothing."""
        while True:
            await asyncio.sleep(self.dice.uniform(0, 40))
            way = self.dice.randrange(PROCESSES), self.dice.choice(("replica", "primary"))
            if way[1] == "replica" or way[0] not in self.mutating:
                self.cut.add(way)
                await asyncio.sleep(self.dice.choice((0.5, 1.5, 3, 8, 20)))
                self.cut.discard(way)


class Server:
    """A server as one process reaches it."""

    def __init__(self, world, process, name):
        self.world, self.process, self.name, self.major = world, process, name, 15

    async def travel(self, seconds):
        if (self.process, self.name) in self.world.cut:
            await asyncio.sleep(seconds)
            raise Unavailable("cut", system=ERP_DATABASE)
        await asyncio.sleep(self.world.dice.uniform(0, 0.02))

    async def write(self, statement, *arguments, seconds):
        await self.travel(seconds)
        found = self.answer(statement, arguments)
        await asyncio.sleep(self.world.dice.uniform(0, 0.02))
        return found

    def answer(self, statement, arguments):
        world = self.world
        if statement == SQL.of_primary:
            return [{"system": 1, "timeline": world.timeline, "lsn": world.written}]
        if statement == SQL.of_replica:
            ahead = 100 * (world.timeline - world.replica_timeline)
            return [{"system": 1, "timeline": world.replica_timeline, "lsn": world.applied + ahead}]
        if statement == SQL.closed:
            return [{"seconds": max(0.0, world.closed_until - world.now())}]
        assert statement == SQL.close
        world.closed_until = max(world.closed_until, world.now() + arguments[1].total_seconds())
        return []

    async def pool(self):
        return self

    def terminate(self):
        pass

    async def fetch(self, _statement, _arguments, seconds):
        try:
            await self.travel(seconds)
        except Unavailable:
            raise TimeoutError from None
        self.world.replica_reads += 1
        return [self.world.applied]


class Process:
    def __init__(self, world, number):
        database = Database(DatabaseConfig(url=Secret("postgresql://nowhere")), label="TEST")
        self.world, self.number = world, number
        self.replica = Replica(database, database, Secret("postgresql://nowhere"), LAG_SECONDS, LoopClock())
        primary, replica = (Server(world, number, name) for name in ("primary", "replica"))
        for name, server in (
            *(("database", replica), ("_probed", replica)),
            *(("_primary", primary), ("_state", primary)),
        ):
            setattr(self.replica, name, server)

    async def mutate(self):
        world = self.world
        while True:
            await asyncio.sleep(world.dice.expovariate(0.7))
            if (self.number, "primary") in world.cut:
                continue
            world.mutating.add(self.number)
            world.written += 1
            world.commits += 1
            written, began = world.written, world.now()
            await self.replica.show_writes()
            world.waits.append(world.now() - began)
            world.answered = max(world.answered, written)
            world.mutating.discard(self.number)

    async def query(self):
        while True:
            await asyncio.sleep(self.world.dice.expovariate(20))
            answered = self.world.answered
            rows = await self.replica.read("", (), replace(a_call(), may_lag=True), 1)
            assert rows is None or rows[0] >= answered


def in_simulated_time(run):
    selector = SimulatedTime()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now
    try:
        return loop.run_until_complete(run())
    finally:
        loop.close()


def simulate(seed):
    world = World(seed)

    async def run():
        processes = [Process(world, number) for number in range(PROCESSES)]
        work = [world.apply(), world.stall(), world.part()]
        for one in processes:
            work += [one.replica.watch(), one.mutate(), one.query()]
        with suppress(TimeoutError):
            async with asyncio.timeout(SIMULATED_SECONDS), asyncio.TaskGroup() as group:
                for coroutine in work:
                    group.create_task(coroutine)

    in_simulated_time(run)
    return world


def test_a_defect_takes_no_answer_to_a_mutation():
    async def run():
        process = Process(World(0), 0)
        process.replica._probed.answer = lambda *_: 1 / 0  # noqa: SLF001 - the server of the probe.
        await process.replica.show_writes()
        return asyncio.get_running_loop().time()

    assert LAG_SECONDS < in_simulated_time(run) < LAG_SECONDS + 1


@pytest.mark.parametrize("seed", range(5))
def test_no_read_is_older_than_an_answered_mutation(seed):
    world = simulate(seed)

    assert (world.commits > 300, world.replica_reads > 500) == (True, True)
    # The longest wait: a second for the replica, a second to close it, and the time in which each proof gets too old.
    assert max(world.waits) < 2 + LAG_SECONDS + 1
