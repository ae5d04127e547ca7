"""Tables in place of the ERP's views, with the columns of their contract."""

from urllib.parse import urlsplit, urlunsplit

import asyncpg

from upstreams.erp.contract import OPTIONAL, VIEWS


async def create_views(connection: asyncpg.Connection, *, optional: bool = False) -> None:
    """`optional`: with the columns that a view may lack, which come last."""
    await connection.execute("CREATE SCHEMA brokergraph_erp")
    for view, required in VIEWS.items():
        columns = {**required, **(OPTIONAL.get(view, {}) if optional else {})}
        listed = ", ".join(f"{column} {types[0]}" for column, types in columns.items())
        await connection.execute(f"CREATE TABLE brokergraph_erp.{view} ({listed})")


async def create_erp(box, name: str, rows: str, *, optional: bool = False) -> str:
    """The address of an ERP with these rows, in a database beside the sandbox's own."""
    connection = await asyncpg.connect(box.database_url)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    url = urlunsplit(urlsplit(box.database_url)._replace(path=f"/{name}"))
    connection = await asyncpg.connect(url)
    await create_views(connection, optional=optional)
    await connection.execute(rows)
    await connection.close()
    return url
