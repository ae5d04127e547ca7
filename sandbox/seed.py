"""The seed of the database: the vendors' own examples, and generated clients in any number."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

from sandbox import settings

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

FIRST_GENERATED = 600_001
MAXIMUM_CLIENTS = 1_000_000
"""Logins of generated accounts lie within ten million of the first of their server: four for each client."""
CHUNK_CLIENTS = 10_000
_FIRST_TICKET = 1_000_001
_SHARES = ("R1",) * 6 + ("R2",) * 4 + ("R3",) * 3 + ("L1",) * 4 + ("L2",) * 3 + ("A1",) * 3 + ("X9",)
_SCHEMA = ("platforms.sql", "erp.sql", "synchronise.sql")
_DATA = ("seed_documents.sql", "seed_generated.sql")
_AFTER = ("erp_indexes.sql",)

Progress = Callable[[int, int], None]
"""A function that gets the number of loaded clients and the number of all clients."""


def quiet(_done: int, _total: int) -> None:
    """Show no progress."""


def fingerprint() -> str:
    """A hash over all inputs of a load."""
    content = "".join(_sql(name) for name in (*_SCHEMA, *_DATA, *_AFTER))
    return sha256(f"{content}{settings.SERVERS}{settings.CRM_CONNECTIONS}{_SHARES}".encode()).hexdigest()


async def loaded(connection: "Connection") -> tuple[int, str] | None:
    """The number of generated clients in the database, and their fingerprint. None if no load is complete."""
    if await connection.fetchval("SELECT to_regclass('sandbox.load')") is None:
        return None
    row = await connection.fetchrow("SELECT clients, fingerprint FROM sandbox.load")
    return None if row is None else (row["clients"], row["fingerprint"])


async def load(connection: "Connection", clients: int, progress: Progress = quiet) -> None:
    """Fill an empty database. The row that marks the load as complete is written last."""
    if not 0 <= clients <= MAXIMUM_CLIENTS:
        raise ValueError(f"The number of clients must be between 0 and {MAXIMUM_CLIENTS:,}, not {clients:,}")
    async with connection.transaction():
        await _run(connection, *_SCHEMA)
        await _servers(connection)
        await _crm(connection)
        await _run(connection, *_DATA)
        await _shares(connection)
    await connection.execute("SELECT hyper.synchronise()")
    await _generate(connection, clients, progress)
    await _run(connection, *_AFTER)
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("INSERT INTO sandbox.load VALUES ($1, $2)", clients, fingerprint())


def _sql(name: str) -> str:
    return files("sandbox").joinpath("sql", name).read_text(encoding="utf-8")


async def _run(connection: "Connection", *names: str) -> None:
    for name in names:
        await connection.execute(_sql(name))


async def _generate(connection: "Connection", clients: int, progress: Progress) -> None:
    """Generate clients in chunks. Each has its own transaction, so that memory and transaction logs stay small."""
    for first, last in _chunks(clients):
        async with connection.transaction():
            # The rows are correct and are copied immediately, so that they need no checks of foreign keys and no change
            # notes.
            await connection.execute("SET LOCAL session_replication_role = replica")
            for procedure in ("clients", "accounts", "balances"):
                await connection.execute(f"CALL seed.load_{procedure}({first}, {last})")
        progress(last - FIRST_GENERATED + 1, clients)


def _chunks(clients: int) -> Iterator[tuple[int, int]]:
    edges = [*range(0, clients, CHUNK_CLIENTS), clients]
    for start, end in pairwise(edges):
        yield FIRST_GENERATED + start, FIRST_GENERATED + end - 1


async def _servers(connection: "Connection") -> None:
    """Load the trading servers of the platforms and of the ERP. The ERP has one server more than the vendors."""
    servers = settings.SERVERS
    await connection.executemany(
        "INSERT INTO platform.server (name, platform, face, vendor_id, timezone, next_login, next_ticket)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [(s.name, s.platform, s.face, s.vendor_id, s.timezone, s.next_login, _FIRST_TICKET) for s in servers],
    )
    await connection.executemany(
        "INSERT INTO platform.account_group (server, name, currency, leverage) VALUES ($1, $2, $3, $4)",
        [(s.name, g.name, g.currency, g.leverage) for s in servers for g in s.groups],
    )
    await connection.executemany(
        "INSERT INTO hyper.trading_systems_list (data_source, tp_friendly_name, platform_type, time_zone)"
        " VALUES ($1, $2, $3, $4)",
        [
            *((s.name, f"{s.platform} {s.name}", s.platform, s.timezone) for s in servers),
            (settings.UNCONFIGURED_SERVER, "Liquidity", settings.UNCONFIGURED_PLATFORM, "UTC"),
        ],
    )


async def _crm(connection: "Connection") -> None:
    connections = settings.CRM_CONNECTIONS
    await connection.executemany(
        "INSERT INTO crm.connection (id, platform, server, is_demo, account_limit) VALUES ($1, $2, $3, $4, $5)",
        [(c.id, c.platform, c.server, c.is_demo, c.account_limit) for c in connections],
    )
    await connection.executemany(
        "INSERT INTO crm.account_type (id, connection_id) VALUES ($1, $2)",
        [(name, c.id) for c in connections for name in c.account_types],
    )


async def _shares(connection: "Connection") -> None:
    """The servers and groups over which seed_generated.sql spreads accounts."""
    await connection.executemany("INSERT INTO seed.share VALUES ($1, $2)", list(enumerate(_SHARES)))
    extra = (settings.UNCONFIGURED_SERVER, settings.UNCONFIGURED_PLATFORM, settings.UNCONFIGURED_FROM, 1)
    servers = [(s.name, s.platform, s.generated_from, len(s.groups)) for s in settings.SERVERS]
    await connection.executemany("INSERT INTO seed.server VALUES ($1, $2, $3, $4)", [*servers, extra])
    groups = [(s.name, i, g.name, g.currency, g.leverage) for s in settings.SERVERS for i, g in enumerate(s.groups)]
    liquidity = (settings.UNCONFIGURED_SERVER, 0, "Liquidity", "USD", 1)
    await connection.executemany("INSERT INTO seed.server_group VALUES ($1, $2, $3, $4, $5)", [*groups, liquidity])
