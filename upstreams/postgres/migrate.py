"""Applies the migrations of schema `brokergraph`: numbered files, each once, each in a transaction, under a lock."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import asyncpg

from core.errors import ConfigError
from core.secret import Secret
from upstreams.postgres.diagnosis import diagnose
from upstreams.postgres.failures import ERRORS
from upstreams.postgres.sql import read_statements

sql = read_statements("postgres/migrate.sql")
# The number is arbitrary, but every version of brokergraph must use the same one.
_LOCK = 0x62726F6B657267


@dataclass(frozen=True, slots=True)
class Migration:
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> Iterator[Migration]:
    """All migrations that this version knows, in order."""
    for file in sorted(files("upstreams").joinpath("migrations").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            yield Migration(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))


async def migrate(url: Secret, setting: str = "state.database_url") -> list[str]:
    """Apply the missing migrations and return their names.

    Raises ConfigError if an applied file was changed since, and if the database refuses the migrations. `setting` names
    the address.
    """
    try:
        return await _migrate(url)
    except ERRORS as error:
        raise ConfigError(setting, f"{diagnose(error, url)}.") from error


async def _migrate(url: Secret) -> list[str]:
    connection = await asyncpg.connect(url.reveal(), timeout=10)
    try:
        await connection.execute(sql.lock, _LOCK)
        await connection.execute(sql.make_record)
        applied = await _applied(connection)
        return [migration.name for migration in migrations() if await _apply(connection, migration, applied)]
    finally:
        await connection.close()


async def missing(connection: Any) -> list[str]:
    """The names of missing migrations; all names if the schema does not exist yet."""
    applied = await _applied(connection) if await connection.fetchval(sql.has_record) else {}
    return [migration.name for migration in migrations() if migration.name not in applied]


async def _applied(connection: Any) -> dict[str, str]:
    return {row["name"]: row["checksum"] for row in await connection.fetch(sql.applied)}


async def _apply(connection: Any, migration: Migration, applied: dict[str, str]) -> bool:
    if migration.name in applied:
        if applied[migration.name] != migration.checksum:
            raise ConfigError(
                f"migration {migration.name}",
                "it was applied with another text than this version has. "
                "Run the version that applied it, or add a new migration; an applied one is never edited.",
            )
        return False
    async with connection.transaction():
        await connection.execute(migration.text)
        await connection.execute(sql.record, migration.name, migration.checksum)
    return True
