"""What operators watch in the ledger, its log and its webhooks."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements

_sql = read_statements("state/ledger_figures.sql")
_SECONDS: Final = 1.0


class Undecided(NamedTuple):
    """The instructions of one status."""

    number: int
    oldest_seconds: float


class LedgerState(NamedTuple):
    """The ledger at one moment. The lags are in seconds, and 0 without work."""

    undecided: Mapping[str, Undecided]
    reconciler_seconds: float
    sequencer_seconds: float
    webhooks_waiting: int
    webhooks_parked: int


class LedgerFigures:
    """Reads the figures of all processes from the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> LedgerState:
        """The present state. Raises UpstreamError."""
        rows = await self._database.write(_sql.undecided, seconds=_SECONDS)
        [queues] = await self._database.write(_sql.queues, seconds=_SECONDS)
        return LedgerState(
            undecided={row["status"]: Undecided(row["number"], row["oldest_seconds"]) for row in rows},
            reconciler_seconds=max(0.0, queues["reconciler_seconds"] or 0.0),
            sequencer_seconds=max(0.0, queues["sequencer_seconds"] or 0.0),
            webhooks_waiting=queues["webhooks_waiting"],
            webhooks_parked=queues["webhooks_parked"],
        )
