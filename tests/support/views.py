"""Tables in place of the ERP's views, with the columns of their contract."""

import asyncpg

from upstreams.erp.contract import VIEWS


async def create_views(connection: asyncpg.Connection) -> None:
    await connection.execute("CREATE SCHEMA brokergraph_erp")
    for view, columns in VIEWS.items():
        listed = ", ".join(f"{column} {types[0]}" for column, types in columns.items())
        await connection.execute(f"CREATE TABLE brokergraph_erp.{view} ({listed})")
