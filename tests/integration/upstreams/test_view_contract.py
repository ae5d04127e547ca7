"""The contract of the ERP's views has every column that a statement reads, and no other one; `brokergraph check`, the
document and the sandbox have the same contract.
"""

import re
from pathlib import Path

import asyncpg
import pytest
from support.declarations import reached, statement_of
from support.views import create_views

from core.secret import Secret
from upstreams.check import erp as check
from upstreams.check.indexes import check_indexes
from upstreams.erp import reader
from upstreams.erp.contract import OPTIONAL, VIEWS
from upstreams.erp.list_statements import (
    ACCOUNT_ORDERS,
    BY_TOTAL,
    CLIENT_ORDERS,
    Variant,
    erp_statement,
    list_statement,
    page_statement,
)
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.postgres.sql import read_statements

pytestmark = pytest.mark.anyio

HOUSE = Path(__file__).parents[3]
KINDS = ("forward", "backward", "filtered_forward", "filtered_backward", "by_number")
CHECKED = {f"check.sql:{name}": text for name, text in vars(check.sql).items() if "brokergraph_erp." in text}
WRITTEN = {f"erp.sql:{name}": text for name, text in vars(reader.sql).items()}
RENDERED = {
    f"{coordinate} {kind}": getattr(statement, kind).of(0)
    for coordinate, _, operation in reached()
    if (statement := statement_of(operation)) is not None
    for kind in KINDS
}
LISTED = {
    f"lists.sql:{name} {order.column}": page_statement(name, Variant(order=order))
    for name, orders in (("clients", CLIENT_ORDERS), ("accounts", ACCOUNT_ORDERS))
    for order in orders.values()
} | {
    f"lists.sql:{name}": list_statement(name, Variant(order=BY_TOTAL))
    for name in ("clients_by_total", "all_totals", "more_rows", "count_all_accounts", "client_sums", "account_sums")
}
# Only these statements read a column that the view may lack.
WITH_OPTIONAL = {
    f"erp.sql:{part}": erp_statement("count_clients", (part,))
    for part in ("clients_search", "clients_phone", "clients_created")
} | {
    "erp.sql:accounts_search": erp_statement("accounts_forward", ("accounts_search",)),
    "lists.sql:clients_search": page_statement("clients", Variant(optional=("clients_search",))),
    "lists.sql:accounts_search": page_statement("accounts", Variant(optional=("accounts_search",))),
}
# The records' own lists would read each column of the contract, whether it has a use or not.
SHORTEST = {
    f"erp.sql:{name}": text
    for name, text in vars(
        read_statements(
            "erp/erp.sql",
            client_columns="c.client_number",
            account_columns="a.server, a.login",
            web_status_columns="w.client_number",
            balance_columns="b.client_number",
        )
    ).items()
}
COLUMNS = [(view, column) for view, columns in VIEWS.items() for column in columns]


@pytest.fixture(scope="module")
async def connection(box):
    """To a database that has the contract as tables, and nothing else."""
    database = "view_contract"
    owner = await asyncpg.connect(box.database_url)
    await owner.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    await owner.execute(f"CREATE DATABASE {database}")
    connection = await asyncpg.connect(box.database_url, database=database)
    await create_views(connection)
    yield connection
    await connection.close()
    await owner.execute(f"DROP DATABASE {database} WITH (FORCE)")
    await owner.close()


async def lacks_a_column(connection, statement):
    try:
        async with connection.transaction():
            await connection.prepare(statement)
    except asyncpg.UndefinedColumnError:
        return True
    return False


@pytest.mark.parametrize(
    "statements", [CHECKED, WRITTEN, RENDERED, LISTED], ids=["check", "erp.sql", "rendered", "lists.sql"]
)
async def test_every_column_that_a_statement_reads_is_in_the_contract(connection, statements):
    assert statements
    assert [name for name, text in statements.items() if await lacks_a_column(connection, text)] == []


async def test_an_optional_column_is_read_by_its_own_conditions_alone(connection):
    read = dict.fromkeys(OPTIONAL["client"], False)
    for statement in WITH_OPTIONAL.values():
        assert await lacks_a_column(connection, statement)
        for column, types in OPTIONAL["client"].items():
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(f"ALTER TABLE brokergraph_erp.client ADD COLUMN {column} {types[0]}")
            read[column] |= not await lacks_a_column(connection, statement)
            await transaction.rollback()

    assert all(read.values()), read


@pytest.mark.parametrize("view, column", [pytest.param(*one, id=".".join(one)) for one in COLUMNS])
async def test_a_column_of_the_contract_is_read_by_a_statement(connection, view, column):
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"ALTER TABLE brokergraph_erp.{view} DROP COLUMN {column}")
        readers = [one for one in (SHORTEST | RENDERED).values() if await lacks_a_column(connection, one)]
    finally:
        await transaction.rollback()

    assert readers, f"no statement and no rendered field reads {view}.{column}"


CONTRACT = {
    f"{view}.{column} {types[0]}"
    for views in (VIEWS, OPTIONAL)
    for view, columns in views.items()
    for column, types in columns.items()
}


def documented():
    """The columns with their types, as the tables of the document have them."""
    text = (HOUSE / "docs" / "erp-views.md").read_text(encoding="utf-8")
    for view, body in re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        for column, type_ in re.findall(r"^\| (\w+) \| (\w+) \|", body, re.MULTILINE):
            if column != "column":
                yield f"{view}.{column} {type_.replace('timestamptz', 'timestamp with time zone')}"


def test_the_document_has_the_contract():
    assert set(documented()) ^ CONTRACT == set()


async def test_the_sandbox_has_the_contract(box):
    connection = await asyncpg.connect(box.database_url)
    try:
        rows = await connection.fetch(check.sql.columns)
    finally:
        await connection.close()

    assert {f"{row['view']}.{row['column']} {row['type']}" for row in rows} ^ CONTRACT == set()


async def test_the_sandbox_has_an_index_for_every_order_and_filter(box):
    database = Database(DatabaseConfig(url=Secret(box.database_url)), label="ERP_DATABASE")
    try:
        findings = await check_indexes(database, OPTIONAL["client"], 10)
    finally:
        await database.close()

    assert [one.what for one in findings] == ["every order and filter has its index"]
