"""Whether the schema `brokergraph` has every migration that this version needs."""

import structlog

from core.errors import UpstreamError
from upstreams.postgres.database import Database
from upstreams.postgres.migrate import migrations
from upstreams.postgres.sql import read_statements

_log = structlog.get_logger(__name__)
_sql = read_statements("postgres/migrate.sql")

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
                missing = await self._missing(seconds)
            except UpstreamError:
                return False
            self._is_current = not missing
            if missing and not self._reported:
                self._reported = True
                _log.error("state.not_migrated", missing=missing, remedy=REMEDY)
        return self._is_current

    async def _missing(self, seconds: float) -> list[str]:
        [(has_record,)] = await self._database.write(_sql.has_record, seconds=seconds)
        applied = await self._database.write(_sql.applied, seconds=seconds) if has_record else []
        names = {row["name"] for row in applied}
        return [migration.name for migration in migrations() if migration.name not in names]
