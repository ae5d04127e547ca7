"""The clock and deadlines. The clock is a parameter everywhere, so that tests can move it."""

import asyncio
import time
from datetime import UTC, datetime

import msgspec


class Clock:
    """The real clock. `now` is aware UTC, for timestamps. `monotonic` is in seconds, for durations and deadlines."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Deadline(msgspec.Struct, frozen=True):
    """A time on the clock's monotonic scale after which an answer is useless."""

    at: float
    clock: Clock

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> "Deadline":
        return cls(clock.monotonic() + seconds, clock)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - self.clock.monotonic())

    def sooner(self, seconds: float) -> "Deadline":
        """The earlier of this deadline and `seconds` from now."""
        return Deadline(min(self.at, self.clock.monotonic() + seconds), self.clock)
