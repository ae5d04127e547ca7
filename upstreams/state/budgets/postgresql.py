"""Budgets in the state database: one statement for each draw, by the clock of the database."""

from core.clock import Clock
from core.errors import UpstreamError
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements
from upstreams.state.budgets.token_bucket import Draw, Level, StoreAway

_sql = read_statements("state/budgets/budgets.sql")
_FORGET_EVERY_SECONDS = 60.0


class PostgresStore:
    def __init__(self, database: Database, clock: Clock, timeout_seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._seconds = timeout_seconds
        self.forgotten_at = clock.monotonic()

    async def take(self, principal: str, draw: Draw) -> Level:
        arguments = (principal, draw.per_minute, draw.cost, draw.floor)
        try:
            await self._forget()
            rows = await self._database.write(_sql.take, *arguments, seconds=self._seconds)
        except UpstreamError as error:
            raise StoreAway(error.message) from error
        row = rows[0]
        return Level(row["level"], row["at_ms"], row["granted"])

    async def aclose(self) -> None:
        """Do nothing, because the owner of the database closes it."""

    async def _forget(self) -> None:
        """Remove old buckets, once a minute, as part of a draw."""
        now = self._clock.monotonic()
        if now - self.forgotten_at >= _FORGET_EVERY_SECONDS:
            self.forgotten_at = now
            await self._database.write(_sql.forget, seconds=self._seconds)
