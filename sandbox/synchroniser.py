"""Hyper's interface to the trading platforms: copies their figures into the ERP's account table, again and again."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

    Pool = asyncpg.Pool[asyncpg.Record]

INTERVAL_SECONDS = 2.0
"""Hyper takes 30 to 60 seconds [D, H-718]; nobody wants to wait for that in a demo."""

_log = logging.getLogger(__name__)


async def synchronise(pool: "Pool") -> int:
    """One pass at once, paused or not; returns how many accounts were copied."""
    copied: int = await pool.fetchval("SELECT hyper.synchronise()")
    return copied


async def pause(pool: "Pool") -> None:
    """Leaves the ERP as it is, as Hyper does at weekends [D, H-1102]. No pass is under way when this returns."""
    await pool.execute("SELECT hyper.pause_synchroniser(true)")


async def resume(pool: "Pool") -> None:
    await pool.execute("SELECT hyper.pause_synchroniser(false)")


@contextlib.asynccontextmanager
async def synchronising(pool: "Pool", *, interval_seconds: float = INTERVAL_SECONDS) -> AsyncIterator[None]:
    """Runs passes until it is left."""
    task = asyncio.create_task(_work(pool, interval_seconds), name="synchroniser")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _work(pool: "Pool", interval_seconds: float) -> None:
    while True:
        try:
            await pool.execute("SELECT hyper.synchronise_unless_paused()")
        except Exception:  # noqa: BLE001 a test may kill the database at any moment, and passes go on after it
            _log.debug("The pass failed; the next one will copy what it left", exc_info=True)
        await asyncio.sleep(interval_seconds)
