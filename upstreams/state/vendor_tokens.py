"""A vendor connection's token pair in the state database: durable before use, changed by one process at a time."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.clock import Clock
from core.secret import Secret
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements
from upstreams.vendors.kit.token_store import TokenPair

sql = read_statements("state/vendor_tokens.sql")
_SECONDS = 10.0


class DatabaseTokenStore:
    """A TokenStore that all replicas share. Raises Unavailable when the state database does not answer."""

    def __init__(self, database: Database, clock: Clock, name: str) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._local = asyncio.Lock()

    async def load(self) -> TokenPair | None:
        rows = await self._database.write(sql.load, self._name, seconds=_SECONDS)
        if not rows:
            return None
        refresh = rows[0]["refresh_token"]
        return TokenPair(Secret(rows[0]["access_token"]), Secret(refresh) if refresh else None)

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """An advisory lock on its own connection, so that the end of the process releases it."""
        lock = zlib.crc32(f"brokergraph vendor token {self._name}".encode())
        async with self._local, self._database.transaction(_SECONDS) as connection:
            await connection.execute(sql.lock, lock)
            yield

    async def save(self, access: Secret, refresh: Secret | None) -> None:
        refresh_text = refresh.reveal() if refresh else None
        values = (self._name, access.reveal(), refresh_text, self._clock.now())
        await self._database.write(sql.save, *values, seconds=_SECONDS)
