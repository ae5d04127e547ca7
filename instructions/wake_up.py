"""A pause that an event ends early."""

import asyncio
from contextlib import suppress


class WakeUp:
    """The pause of one piece of repeated work."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """End the current pause, or the next one if none runs."""
        self._woken.set()

    async def pause(self, seconds: float) -> None:
        """Wait for the seconds, or until `wake`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()
