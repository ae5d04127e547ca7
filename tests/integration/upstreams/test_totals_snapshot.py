"""The snapshot of clients' totals in the state database: rebuilds that fail, the lease, and the index of its pages."""

import asyncio
from itertools import product

import asyncpg
import pytest
from support.states import create_state

from core.errors import ERP_DATABASE, Unavailable, UpstreamError
from core.secret import Secret
from upstreams.erp.list_statements import ListOrder, Variant
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.state import client_totals
from upstreams.state.client_totals import ClientTotals

pytestmark = pytest.mark.anyio
# The header and the end of PostgreSQL's binary form, without a row.
EMPTY = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"


@pytest.fixture(scope="module")
async def state(box):
    return await create_state(box, "totals_store")


async def rebuilds(state):
    connection = await asyncpg.connect(state)
    rows = await connection.fetch("SELECT number FROM brokergraph.client_total_rebuild ORDER BY number")
    await connection.close()
    return [row[0] for row in rows]


@pytest.fixture
async def totals(state):
    database = Database(DatabaseConfig(url=Secret(state)), label="STATE_DATABASE")
    yield ClientTotals(database)
    await database.close()


@pytest.mark.parametrize("sent", [[], [EMPTY[:19]]], ids=["at once", "after the header"])
async def test_a_rebuild_that_fails_leaves_the_snapshots_and_ends_its_read(totals, state, sent):
    async def nothing(_number, send):
        await send(EMPTY)

    kept, ended = [await totals.rebuild(nothing, nothing, 5) for _ in range(3)][1:], []

    async def read(number, send):
        try:
            for chunk in sent:
                await send(chunk)
            raise Unavailable("gone", system=ERP_DATABASE)
        finally:
            ended.append(number)

    for _ in range(15):  # More often than the pool has connections.
        with pytest.raises(Unavailable, match="gone"):
            await totals.rebuild(read, read, 5)

    assert await rebuilds(state) == kept
    assert len(ended) == 15


async def test_a_read_ends_when_the_state_database_refuses_its_rows(totals):
    ended = []

    async def read(number, send):
        try:
            while True:
                await send(b"no rows" * 10_000)
        finally:
            ended.append(number)

    with pytest.raises(UpstreamError):
        await totals.rebuild(read, read, 3)

    assert len(ended) == 1


async def test_one_process_at_a_time_has_the_lease_until_it_ends(totals):
    taken = await asyncio.gather(*(totals.take_lease(2) for _ in range(8)))

    assert sorted(taken) == [False] * 7 + [True]
    for _ in range(600):
        if await totals.take_lease(60):
            break
        await asyncio.sleep(0.05)
    assert not await totals.take_lease(60)


@pytest.mark.parametrize("descends, backward", [*product((False, True), (False, True))])
async def test_a_page_of_a_large_snapshot_is_read_by_its_index(state, descends, backward):
    connection = await asyncpg.connect(state)
    transaction = connection.transaction()
    await transaction.start()
    number = await connection.fetchval(client_totals._sql.begin)  # noqa: SLF001 - it makes a rebuild.
    await connection.execute(
        f"INSERT INTO brokergraph.client_total SELECT {number}, n, n % 6, 4, 2, n % 1000, '{{}}'"
        " FROM generate_series(1, 20000) n"
    )
    await connection.execute("ANALYZE brokergraph.client_total; ANALYZE brokergraph.client_total_rebuild")
    order = ListOrder("total", "numeric", "number", descending=descends)
    statement = client_totals._page(Variant(order=order, backward=backward))  # noqa: SLF001 - its plan is wanted.
    values = (None, None, None, None, False, [], None, False, [], None, None, None, 51, None, None, number)
    plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN " + statement, *values))
    await transaction.rollback()
    await connection.close()

    assert "Seq Scan on client_total " not in plan, plan
