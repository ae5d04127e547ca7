"""The database of the sandbox: it is created once and filled once."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import asyncpg

from sandbox import seed
from sandbox.postgres import Postgres
from sandbox.settings import DATABASE, GRAPH_ROLE, SANDBOX_ROLE

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


DEFAULT_CLIENTS = 2_000


class SeedMismatchError(RuntimeError):
    """The data folder has other clients than requested. It is never deleted without a request of its owner."""


async def fill(
    pg: Postgres,
    clients: int | None,
    *,
    fresh: bool,
    progress: seed.Progress,
    tell: Callable[[str], None] = lambda _step: None,
) -> None:
    """Create and fill the database with `clients` generated clients. None uses the existing clients, or a small default
    number.
    """
    wanted = DEFAULT_CLIENTS if clients is None else clients
    if not fresh and (there := await _loaded(pg)) is not None:
        _compare(there, clients)
        return
    tell(f"Loading the ERP with {wanted:,} clients ...")
    await _make(pg)
    connection = await asyncpg.connect(pg.url)
    try:
        await seed.load(connection, wanted, progress)
    finally:
        await connection.close()


def _compare(there: tuple[int, str], clients: int | None) -> None:
    count, fingerprint = there
    if clients is not None and count != clients:
        raise SeedMismatchError(f"The data folder has {count:,} clients, not {clients:,}: start with --fresh to reload")
    if fingerprint != seed.fingerprint():
        raise SeedMismatchError("The data folder was filled by another version: start with --fresh to reload")


async def _loaded(pg: Postgres) -> tuple[int, str] | None:
    try:
        connection = await asyncpg.connect(pg.url)
    except asyncpg.InvalidCatalogNameError:
        return None
    try:
        return await seed.loaded(connection)
    finally:
        await connection.close()


async def _make(pg: Postgres) -> None:
    """Create an empty database and the role of the graph."""
    connection = await asyncpg.connect(pg.url_of(SANDBOX_ROLE, "postgres"))
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {DATABASE}")
        await _make_role(connection, pg.password_of(GRAPH_ROLE))
        await connection.execute(f"GRANT CREATE ON DATABASE {DATABASE} TO {GRAPH_ROLE}")
    finally:
        await connection.close()


async def _make_role(connection: "Connection", password: str) -> None:
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", GRAPH_ROLE):
        # The password is a generated hexadecimal text and needs no quoting.
        await connection.execute(f"CREATE ROLE {GRAPH_ROLE} LOGIN PASSWORD '{password}'")
    await connection.execute(f"ALTER ROLE {GRAPH_ROLE} SET idle_in_transaction_session_timeout = '60s'")
