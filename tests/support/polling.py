"""Waits for something that happens in the background."""

import asyncio

PATIENCE_SECONDS = 30


async def until(holds):
    """Wait until the function, which may be asynchronous, returns a true value; returns it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = holds()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)
