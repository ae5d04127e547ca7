"""Whether the schema `brokergraph` has every migration that this version needs."""

import structlog

from core.errors import UpstreamError
from upstreams.postgres.database import Database
from upstreams.postgres.migrate import missing

_log = structlog.get_logger(__name__)

REMEDY = "run `brokergraph migrate`"


class SchemaVersion:
    """Asks until the schema is current. A schema never loses a migration, so that the answer is then kept."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_current = False
        self._reported = False

    async def is_current(self, seconds: float) -> bool:
        """False also while the database does not answer. Logs the missing migrations once."""
        if not self._is_current:
            try:
                lacking = await self._database.transact(missing, seconds=seconds)
            except UpstreamError:
                return False
            self._is_current = not lacking
            if lacking and not self._reported:
                self._reported = True
                _log.error("state.not_migrated", missing=lacking, remedy=REMEDY)
        return self._is_current
