"""The database: a connection pool, a deadline for every statement, and a translation of the driver's errors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import asyncpg
import msgspec
import structlog

from core.call import Call
from core.errors import ERP_DATABASE, DatabaseFailure, Misunderstood, Unavailable, UpstreamError
from core.outage import Outage
from core.secret import Secret
from upstreams.postgres.failures import ERRORS, classify, message_of, took_too_long
from upstreams.postgres.pool import Pool, transaction
from upstreams.postgres.sql import read_statements

_sql = read_statements("postgres/database.sql")
_log = structlog.get_logger(__name__)
T = TypeVar("T")

_REPEATED = (DatabaseFailure.LOST, DatabaseFailure.TRANSIENT)
_NOT_AS_AGREED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)


class DatabaseConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A PostgreSQL database. `prepared_statements = false` is for PgBouncer in transaction mode."""

    url: Secret
    pool_size: int = 10
    statement_timeout_seconds: float = 10.0
    connect_timeout_seconds: float = 5.0
    prepared_statements: bool = True


class Reads(Protocol):
    """The read replica of a database (upstreams/postgres/replica.py)."""

    async def read(
        self, statement: str, arguments: tuple[Any, ...], call: Call, keys: int
    ) -> list[asyncpg.Record] | None:
        """The rows; None: ask the primary."""


async def _as_it_is(_connection: object) -> None:
    """Replaces asyncpg's reset statement, which costs one round trip at each use.

    There is nothing to reset: settings and locks belong to a transaction, LISTEN has its own connection, and an open
    transaction is rolled back before this is called.
    """


class Database:
    """A pool that connects at its first use, so that the server can start before PostgreSQL."""

    def __init__(self, config: DatabaseConfig, *, label: str) -> None:
        self.config = config
        self.label = label
        # The major version of the server, and 0 before the first connection.
        self.major = 0
        self.replica: Reads | None = None
        self._pool: Pool | None = None
        self._outage = Outage(_log, "database.unavailable", "database.available_again")
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(2):
                await self._pool.close()
        except ERRORS:
            self._pool.terminate()

    def terminate(self) -> None:
        """Close all connections without an answer of the server. The statements in flight fail."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()

    def connections(self) -> dict[str, int]:
        """The open connections of the pool, and those of them that no statement uses."""
        return {"open": 0, "idle": 0} if self._pool is None else self._pool.connections()

    async def pool(self) -> Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await self._open()
        return self._pool

    async def _open(self) -> Pool:
        config = self.config
        pool = await asyncpg.create_pool(
            config.url.reveal(),
            min_size=0,
            max_size=config.pool_size,
            timeout=config.connect_timeout_seconds,
            command_timeout=config.statement_timeout_seconds,
            statement_cache_size=100 if config.prepared_statements else 0,
            server_settings={"application_name": "brokergraph"},
            reset=_as_it_is,
            init=self._connected,
        )
        return Pool(pool, config.statement_timeout_seconds)

    async def _connected(self, connection: Any) -> None:
        self.major = connection.get_server_version().major

    @asynccontextmanager
    async def connection(self, seconds: float) -> AsyncIterator[Any]:
        """A connection. Raises TimeoutError if none becomes free within the seconds."""
        pool = await self.pool()
        async with pool.connection(seconds) as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self, seconds: float) -> AsyncIterator[Any]:
        """A connection in a transaction, free within the seconds. The transaction itself may last longer.

        Raises the errors of `write`.
        """
        try:
            async with self.connection(seconds) as connection, transaction(connection):
                yield connection
        except ERRORS as error:
            raise self._translated(error) from error

    async def read(
        self,
        statement: str,
        *arguments: Any,
        call: Call,
        keys: int = 1,
        otherwise: str | None = None,
        current: bool = False,
    ) -> list[asyncpg.Record]:
        """Run one reading statement within the call's deadline, and once more if a repeat may succeed.

        `otherwise` is the statement to repeat where the driver cannot decode a value of the first. `current` is for
        reads that a replica must not answer, even for a query.

        Raises Unavailable without an answer in time, and Misunderstood if the database lacks what the statement needs.
        """
        if self.replica is not None and not current:
            rows = await self.replica.read(statement, arguments, call, keys)
            if rows is not None:
                return rows
        for is_repeat in (False, True):
            call.tally.count(self.label, keys)
            try:
                pool = self._pool or await self.pool()
                with call.tally.timed(self.label), call.span(self.label):
                    rows = await pool.fetch(statement, arguments, call.deadline.remaining())
            except ERRORS as error:
                if is_repeat or took_too_long(error) or classify(error) not in _REPEATED:
                    raise self._translated(error) from error
            except (ValueError, ArithmeticError) as error:
                # The driver decodes rows while it reads them, so that one value fails the whole statement.
                if is_repeat or otherwise is None:
                    raise self._undecodable(error) from error
                statement = otherwise
            else:
                self._note_success()
                return rows
        raise AssertionError

    async def write(self, statement: str, *arguments: Any, seconds: float) -> list[asyncpg.Record]:
        """Run one writing statement, never twice. The error's `database_failure` is what the error proves."""
        async with self._writing(seconds) as connection:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments, timeout=seconds)
            return rows

    async def answers(self, seconds: float) -> bool:
        """Whether the database answers within the seconds."""
        try:
            await self.write(_sql.ping, seconds=seconds)
        except UpstreamError:
            return False
        return True

    async def transact(self, work: Callable[[Any], Awaitable[T]], *, seconds: float) -> T:
        """Run `work` in one transaction, never twice. The error's `database_failure` is what the error proves."""
        async with self._writing(seconds) as connection, transaction(connection):
            return await work(connection)

    @asynccontextmanager
    async def _writing(self, seconds: float) -> AsyncIterator[Any]:
        """A connection for a write. Without a connection nothing was sent, so that a repeat is safe."""
        connected = False
        try:
            async with asyncio.timeout(seconds), self.connection(seconds) as connection:
                connected = True
                yield connection
                self._note_success()
        except ERRORS as error:
            translated = self._translated(error)
            if not connected and translated.database_failure is DatabaseFailure.LOST:
                translated.database_failure = DatabaseFailure.TRANSIENT
            raise translated from error

    def _note_success(self) -> None:
        if self._outage.lasts:
            self._outage.succeeded(database=self.label)

    def too_late(self) -> UpstreamError:
        """The error of a waiter for a shared statement whose deadline has passed."""
        return self._unavailable(TimeoutError("waited for a shared statement"))

    def _translated(self, error: BaseException) -> UpstreamError:
        failure = classify(error)
        translated = self._unavailable(error) if failure in _REPEATED else self._unreadable(error)
        translated.database_failure = failure
        return translated

    def _unavailable(self, error: BaseException) -> UpstreamError:
        self._outage.failed(database=self.label, error=type(error).__name__, detail=message_of(error))
        message = "The database did not answer in time or cannot be reached; nothing was read. Try again."
        return Unavailable(message, system=ERP_DATABASE, name=self.label, detail=repr(error))

    def _undecodable(self, error: Exception) -> UpstreamError:
        _log.error("database.undecodable", database=self.label, error=type(error).__name__)
        message = "The database answered with a value that cannot be read."
        return Misunderstood(message, system=ERP_DATABASE, name=self.label, detail=type(error).__name__)

    def _unreadable(self, error: BaseException) -> UpstreamError:
        detail = message_of(error)
        sqlstate = getattr(error, "sqlstate", None)
        _log.error("database.refused", database=self.label, sqlstate=sqlstate, detail=detail)
        hint = " `brokergraph check` reports what is missing." if isinstance(error, _NOT_AS_AGREED) else ""
        message = f"The database refused the statement.{hint}"
        return Misunderstood(message, system=ERP_DATABASE, name=self.label, upstream_code=sqlstate, detail=detail)
