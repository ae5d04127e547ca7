"""Which process runs the nightly check of the books."""

from datetime import date, timedelta

from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements
from upstreams.state.instructions import WRITE_SECONDS

_sql = read_statements("state/books_check.sql")


class BooksLease:
    """Raises UpstreamError if the state database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, day: date, lease: timedelta) -> bool:
        """Whether this process runs the check of the day. No other process gets it while the lease lasts."""
        return bool(await self._database.write(_sql.claim, day, lease, seconds=WRITE_SECONDS))

    async def finish(self, day: date) -> None:
        """Mark the check of the day as done, for all processes."""
        await self._database.write(_sql.finish, day, seconds=WRITE_SECONDS)
