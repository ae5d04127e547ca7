"""Is the database a version of PostgreSQL that the tests run on?"""

from typing import Final

from upstreams.check.findings import Findings, wrong
from upstreams.postgres.database import Database

# tests/integration/serve/test_oldest_postgresql.py runs on this version.
OLDEST: Final = 15


async def check_version(database: Database, setting: str) -> Findings:
    """`setting` names the database. Says nothing about a database that was not reached."""
    if 0 < database.major < OLDEST:
        yield wrong(setting, f"is PostgreSQL {database.major}", f"Use PostgreSQL {OLDEST} or newer.")
