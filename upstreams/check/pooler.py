"""Is a database behind a pooler in transaction mode, which may not keep prepared statements?"""

from contextlib import AsyncExitStack
from typing import Any

import asyncpg

from upstreams.check.findings import Findings, note
from upstreams.postgres.database import Database
from upstreams.postgres.failures import ERRORS
from upstreams.postgres.sql import read_statements

_sql = read_statements("check/check.sql")
_SECONDS = 5.0
_MARK = "seen"


async def check_pooler(database: Database, setting: str) -> Findings:
    """`setting` is `prepared_statements` of the database's section. Says nothing where the database is away."""
    if not database.config.prepared_statements:
        return
    try:
        is_shared = await _session_is_shared(database)
    except ERRORS:
        return
    if is_shared:
        what = "is true, but a pooler in transaction mode is in front of the database"
        remedy = f"Set {setting} = false, unless the pooler keeps them (PgBouncer: max_prepared_statements)."
        yield note(setting, what, remedy)


async def _session_is_shared(database: Database) -> bool:
    """Whether one connection sees what another one has set for its session: they share a session one after another."""
    url = database.config.url.reveal()
    async with AsyncExitStack() as opened:
        first, second = [await _connect(url, opened) for _ in range(2)]
        await first.fetchval(_sql.set_mark, _MARK, timeout=_SECONDS)
        seen: str | None = await second.fetchval(_sql.mark, timeout=_SECONDS)
        await first.fetchval(_sql.set_mark, "", timeout=_SECONDS)
    return seen == _MARK


async def _connect(url: str, opened: AsyncExitStack) -> Any:
    connection = await asyncpg.connect(url, timeout=_SECONDS, statement_cache_size=0)
    opened.callback(connection.terminate)
    return connection
