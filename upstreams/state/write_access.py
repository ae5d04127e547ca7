"""Write access: whether this process can write instructions to the state database.

Without write access reads continue, and mutations are refused before a row exists. Possible reasons are a server that
became read-only in a fail-over, and a role that lost a permission.
"""

from core.clock import Clock
from core.errors import ERP_DATABASE, DatabaseFailure, Unavailable, UpstreamError
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements

_sql = read_statements("state/instructions.sql")

# This time is longer than the longest pause between two attempts to store an outcome. While one outcome cannot be
# stored, new mutations therefore stay refused. It is short, because the first mutation afterwards is the next test.
REFUSED_SECONDS = 2.0


class WriteAccess:
    """Records the results of writes. `available` is False for `REFUSED_SECONDS` after each refusal."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._refused_until = float("-inf")

    @property
    def available(self) -> bool:
        return self._clock.monotonic() >= self._refused_until

    def granted(self) -> None:
        """A write was committed."""
        self._refused_until = float("-inf")

    def failed(self, error: UpstreamError) -> None:
        """A write failed. Only a refusal means that other writes fail as well."""
        if error.database_failure is DatabaseFailure.REFUSED:
            self._refused_until = self._clock.monotonic() + REFUSED_SECONDS

    def require(self) -> None:
        """Raise Unavailable while instructions cannot be written."""
        if not self.available:
            raise self.unavailable()

    def unavailable(self) -> Unavailable:
        message = "Instructions cannot be written at the moment, so nothing was sent. Try again with the same key."
        error = Unavailable(message, system=ERP_DATABASE, name=self._database.label)
        error.database_failure = DatabaseFailure.REFUSED
        return error

    async def look(self, seconds: float) -> bool:
        """Whether the database accepts writes from this role. A refusal counts like that of a write."""
        try:
            rows = await self._database.write(_sql.takes_instructions, seconds=seconds)
        except UpstreamError:
            return False
        if not rows[0]["takes_instructions"]:
            self.failed(self.unavailable())
        return self.available
