"""The doorbell by NOTIFY. LISTEN needs a connection without a transaction pooler; without one, processes poll."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Final

import asyncpg

from core.errors import UpstreamError
from core.secret import Secret
from upstreams.postgres.database import Database
from upstreams.postgres.failures import ERRORS
from upstreams.postgres.sql import read_statements
from upstreams.state.doorbell.doorbell import Bell, BellLost

_sql = read_statements("state/doorbell/doorbell.sql")
_CHANNEL: Final = "brokergraph"
_SECONDS: Final = 5.0


class PostgresWire:
    """`listen_url` is the address of the same database for LISTEN."""

    def __init__(self, database: Database, listen_url: Secret) -> None:
        self._database = database
        self._listen_url = listen_url

    async def send(self, bells: Collection[Bell]) -> None:
        try:
            await self._database.write(_sql.notify, _CHANNEL, sorted(bells), seconds=_SECONDS)
        except UpstreamError as error:
            raise BellLost(type(error).__name__) from error

    async def receive(self, rung: Callable[[str], None], listening: Callable[[], None]) -> None:
        try:
            connection: Any = await asyncpg.connect(self._listen_url.reveal(), timeout=_SECONDS)
        except ERRORS as error:
            raise BellLost(type(error).__name__) from error
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda *_: lost.set())
            await connection.add_listener(_CHANNEL, lambda *heard: rung(heard[-1]))
            listening()
            await lost.wait()
        except ERRORS as error:
            raise BellLost(type(error).__name__) from error
        finally:
            connection.terminate()

    async def aclose(self) -> None:
        """The database closes its own connections."""
