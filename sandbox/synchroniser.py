"""The synchroniser: copies the figures of the trading platforms into the ERP's accounts, as Hyper's interface does."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

    Pool = asyncpg.Pool[asyncpg.Record]

INTERVAL_SECONDS = 2.0
"""Hyper takes 30 to 60 seconds [D, H-718], which is too long for a demo."""

_log = logging.getLogger(__name__)


async def synchronise(pool: "Pool") -> int:
    """Run one pass immediately, even while passes are paused. Returns the number of copied accounts."""
    copied: int = await pool.fetchval("SELECT hyper.synchronise()")
    return copied


async def pause(pool: "Pool") -> None:
    """Stop passes, as Hyper does at weekends [D, H-1102]. No pass runs when this returns."""
    await pool.execute("SELECT hyper.pause_synchroniser(true)")


async def resume(pool: "Pool") -> None:
    await pool.execute("SELECT hyper.pause_synchroniser(false)")


@contextlib.asynccontextmanager
async def synchronising(pool: "Pool", *, interval_seconds: float = INTERVAL_SECONDS) -> AsyncIterator[None]:
    """Run passes while the context is open."""
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
        except Exception:  # noqa: BLE001 a test may kill the database at any time, and passes continue afterwards
            _log.debug("The pass failed; the next pass will copy the remaining accounts", exc_info=True)
        await asyncio.sleep(interval_seconds)
