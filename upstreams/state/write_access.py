"""Whether instructions can be written to the state database, as this process sees it.

While they cannot, reads go on, and mutations are refused before a row exists. The reasons are a server that became
read-only in a fail-over, and a role that lost a permission.
"""

from core.clock import Clock
from core.errors import ERP_DATABASE, DatabaseFailure, Unavailable, UpstreamError
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements

sql = read_statements("state/instructions.sql")

# Longer than the longest pause between two attempts to store an outcome, so that one waiting outcome keeps mutations
# out; short enough that the first mutation after a recovery is soon let in as the next attempt.
REFUSED_SECONDS = 2.0


class WriteAccess:
    """Notes what writes of instructions meet. `available` is False for a moment after each refusal."""

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
        """A write failed; only a refusal says that others fail as well."""
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
        """Ask the database whether it takes writes from this role; a refusal counts as one that a write met."""
        try:
            rows = await self._database.write(sql.takes_instructions, seconds=seconds)
        except UpstreamError:
            return False
        if not rows[0]["takes_instructions"]:
            self.failed(self.unavailable())
        return self.available
