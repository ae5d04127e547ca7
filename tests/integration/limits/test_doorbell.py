"""The doorbell between processes, over PostgreSQL and over Redis: a ring arrives, and a lost wire is opened again."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from support.polling import until

from core.secret import Secret
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.state.doorbell.doorbell import Bell
from upstreams.state.doorbell.opening import DoorbellConfig, open_doorbell

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["database", "redis", "off"])
def config(request, box):
    redis = Secret(request.getfixturevalue("redis_url")) if request.param == "redis" else None
    return DoorbellConfig(by=request.param, listen_url=Secret(box.database_url), redis_url=redis)


@asynccontextmanager
async def process_with(config, box, heard):
    """The doorbell of one process, which notes what rings."""
    database = Database(DatabaseConfig(url=Secret(box.database_url)), label="STATE_DATABASE")
    doorbell = open_doorbell(config, database)
    for bell in Bell:
        doorbell.on(bell, lambda bell=bell: heard.append(bell))
    running = asyncio.create_task(doorbell.run(lambda seconds: asyncio.sleep(min(seconds, 0.01))))
    try:
        yield doorbell
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await doorbell.aclose()
        await database.close()


async def test_a_ring_is_heard_in_this_process_and_in_others(config, box):
    own, others = [], []
    async with process_with(config, box, own) as doorbell, process_with(config, box, others):

        def rung():
            doorbell.ring(Bell.NUMBERED)
            return Bell.NUMBERED in others

        assert not own
        if config.by == "off":
            doorbell.ring(Bell.NUMBERED)
        else:
            # The other one may not listen yet: a lost ring costs one interval.
            await until(rung)
            assert Bell.UNSETTLED not in others

    assert Bell.NUMBERED in own
    assert (Bell.NUMBERED in others) is (config.by != "off")


async def test_the_wire_is_opened_again_after_the_database_cut_it(box, database):
    config = DoorbellConfig(by="database", listen_url=Secret(box.database_url), redis_url=None)
    others = []
    async with process_with(config, box, []) as doorbell, process_with(config, box, others):

        def rung():
            doorbell.ring(Bell.COMMITTED)
            return others

        await until(rung)
        await database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        await asyncio.sleep(0.1)
        others.clear()
        await until(rung)
