"""The tables of the vendor servers, which are created at the start."""

from importlib.resources import files

from sandbox.vendors.state import Pool

_ONE_AT_A_TIME = 0x5A2D
"""Two sandboxes on one database must not run CREATE TABLE IF NOT EXISTS at the same time."""


async def create_tables(pool: Pool) -> None:
    statements = files(__package__).joinpath("tables.sql").read_text(encoding="utf-8")
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)
        await connection.execute(statements)
