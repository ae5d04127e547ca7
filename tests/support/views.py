"""Tables in place of the ERP's views, with the columns of their contract."""

from urllib.parse import urlsplit, urlunsplit

import asyncpg

from upstreams.erp.contract import VIEWS


async def create_views(connection: asyncpg.Connection) -> None:
    await connection.execute("CREATE SCHEMA brokergraph_erp")
    for view, columns in VIEWS.items():
        listed = ", ".join(f"{column} {types[0]}" for column, types in columns.items())
        await connection.execute(f"CREATE TABLE brokergraph_erp.{view} ({listed})")


async def create_erp(box, name: str, rows: str) -> str:
    """The address of an ERP with these rows, in a database beside the sandbox's own."""
    connection = await asyncpg.connect(box.database_url)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    url = urlunsplit(urlsplit(box.database_url)._replace(path=f"/{name}"))
    connection = await asyncpg.connect(url)
    await create_views(connection)
    await connection.execute(rows)
    await connection.close()
    return url
