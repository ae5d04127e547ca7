"""The proof of a replica: until when it has everything that was committed at the primary."""

from collections import deque
from typing import Final, NamedTuple

from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements

_sql = read_statements("postgres/replica.sql")
_SAMPLES_MAX: Final = 1000
NEVER: Final = float("-inf")


class Position(NamedTuple):
    """A place in the log of a server."""

    system: int
    timeline: int
    lsn: int

    def has(self, other: "Position") -> bool:
        """Whether the other place is not after this one. A promoted server begins a timeline, which others may lack."""
        return self[:2] == other[:2] and self.lsn >= other.lsn


async def read_written(primary: Database, seconds: float) -> Position:
    """How far the primary has written its log. Raises UpstreamError, also for a server in recovery."""
    [row] = await primary.write(_sql.of_primary, seconds=seconds)
    return Position(**row)


async def read_applied(replica: Database, seconds: float) -> Position | None:
    """How far the replica has applied the log; None if the server is no replica. Raises UpstreamError."""
    rows = await replica.write(_sql.of_replica, seconds=seconds)
    return Position(**rows[0]) if rows else None


class Proof:
    """Compares what the replica has applied with samples of what the primary had written.

    Because no clock of a server is compared, a primary without writes makes no replica look late.
    """

    def __init__(self) -> None:
        # The replica has everything that was committed until then.
        self.at = NEVER
        self._samples: deque[tuple[float, Position]] = deque(maxlen=_SAMPLES_MAX)

    def sample(self, began: float, written: Position) -> None:
        """Note the primary's position, which was read after `began`."""
        if self._samples and self._samples[-1][1][:2] != written[:2]:
            self._samples.clear()
        self._samples.append((began, written))

    def prove(self, applied: Position | None) -> None:
        """Note the replica's position; None if the server is not a replica."""
        while applied and len(self._samples) > 1 and applied.has(self._samples[1][1]):
            self._samples.popleft()
        if applied and self._samples and applied.has(self._samples[0][1]):
            self.at = self._samples[0][0]
