"""kill -9 of the sender at any step loses no event, and the next sender keeps the order of each instruction."""

import asyncio
import os
from pathlib import Path

import pytest
from support import webhook_victim
from support.forked import forked
from support.polling import until
from support.receivers import receiving
from support.senders import add_hook, sending
from support.webhooks import assert_complete, is_complete, write

from instructions.failpoints import Failpoint

pytestmark = pytest.mark.anyio
STEPS = [step.name for step in Failpoint if step.name.startswith("WEBHOOK")]


async def killed_at(database, step, number):
    words = (database.config.url.reveal(), step, number)
    process = forked(webhook_victim.main, *words, environment=os.environ, log=Path(os.devnull))
    await asyncio.to_thread(process.join, 30)
    return process.exitcode


@pytest.mark.parametrize("number", [1, 4])
@pytest.mark.parametrize("step", STEPS)
async def test_death_at_any_step_loses_no_event(scratch, step, number):
    database, connection = scratch
    async with receiving() as receiver:
        _, secret = await add_hook(database, receiver.url)
        written = await write(database, 1, 2, 3)

        assert await killed_at(database, step, number) == -9
        # The lease of the dead process would end by itself some seconds later.
        await connection.execute("UPDATE brokergraph.lease SET until = now()")
        async with sending(database):
            await until(is_complete(receiver, written))

    assert_complete(receiver, written)
    receiver.verify(secret)
    # Only the events that were under way at the death come twice.
    assert len(receiver.got) <= 9 + 3


async def test_a_database_that_drops_connections_loses_no_event(scratch):
    database, connection = scratch
    async with receiving() as receiver, receiving() as other:
        await add_hook(database, receiver.url)
        await add_hook(database, other.url)
        written = await write(database, *range(12))
        async with sending(database):
            for _ in range(8):
                await connection.fetch(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                await asyncio.sleep(0.02)
            await until(is_complete(receiver, written))
            await until(is_complete(other, written))

    assert_complete(receiver, written)
    assert_complete(other, written)
