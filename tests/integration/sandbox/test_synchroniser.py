import asyncio
from decimal import Decimal

import asyncpg
import pytest

from sandbox import seed
from sandbox.database import fill
from sandbox.postgres import Postgres
from sandbox.synchroniser import pause, resume, synchronise, synchronising

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def pool(tmp_path_factory):
    async with Postgres(tmp_path_factory.mktemp("synchroniser"), durable=False) as postgres:
        await fill(postgres, 20, fresh=False, progress=seed.quiet)
        async with asyncpg.create_pool(postgres.url, min_size=1, max_size=4) as connections:
            yield connections


@pytest.fixture(autouse=True)
async def nothing_left_over(pool):
    await synchronise(pool)


async def copy_of(pool, login: str):
    row = await pool.fetchrow(
        "SELECT client_number, status, balance, equity, margin, synced_at FROM brokergraph_erp.trading_account"
        " WHERE server = 'R1' AND login = $1",
        login,
    )
    return None if row is None else tuple(row)


async def test_a_pass_copies_what_has_changed_and_nothing_else(pool):
    _, _, _, _, _, before = await copy_of(pool, "55521")

    await pool.execute(
        "UPDATE platform.account SET balance = balance + 0.01, floating = -3.5, margin = 7 WHERE login = 55521"
    )
    copied = await synchronise(pool)

    client, status, balance, equity, margin, after = await copy_of(pool, "55521")
    assert copied == 1
    assert (client, status, str(balance), str(equity), str(margin)) == (500021, 3, "18270.85", "18267.35", "7.00")
    assert after > before


async def test_a_pass_leaves_what_has_not_changed(pool):
    before = await copy_of(pool, "61436")

    assert await synchronise(pool) == 0

    assert await copy_of(pool, "61436") == before


async def test_a_server_without_requests_keeps_its_time(pool):
    question = "SELECT synced_at FROM brokergraph_erp.trading_account WHERE server = 'X9' AND login = '9001'"
    before = await pool.fetchval(question)

    await synchronise(pool)

    assert await pool.fetchval(question) == before


@pytest.mark.parametrize(
    "enabled, read_only, status", [(True, False, 3), (True, True, 2), (False, False, 1), (False, True, 1)]
)
async def test_the_status_follows_the_platform(pool, enabled, read_only, status):
    await pool.execute(
        "UPDATE platform.account SET enabled = $1, read_only = $2 WHERE login = 61436", enabled, read_only
    )
    await synchronise(pool)

    assert (await copy_of(pool, "61436"))[1] == status


@pytest.mark.parametrize(
    "login, client, email, filed",
    [
        (900001, 500014, "", 500014),
        (900002, None, "Amir.Levi@example.com", 500014),
        (900003, None, "stranger@example.com", None),
        (900004, None, "", None),
    ],
)
async def test_a_new_account_is_filed_under_its_client(pool, login, client, email, filed):
    await pool.execute(
        "INSERT INTO platform.account (server, login, client_number, email, group_name, currency, read_only,"
        " registered_local) VALUES ('R1', $1, $2, $3, 'Basic_IL2', 'USD', true, '2026-01-05')",
        login,
        client,
        email,
    )
    await synchronise(pool)

    copy = await copy_of(pool, str(login))
    assert (copy and copy[:3]) == (filed and (filed, 2, Decimal("0.00")))


async def test_an_account_between_two_clients_with_one_address_is_filed_under_neither(pool):
    await pool.execute(
        "INSERT INTO hyper.clients SELECT n, 1, 'Levi', 'Twin', 'T. Levi', 'twin@example.com', 4, true, n::text, now()"
        " FROM (VALUES (500098), (500099)) AS twins (n)"
    )
    await pool.execute(
        "INSERT INTO platform.account (server, login, email, group_name, currency, registered_local)"
        " VALUES ('R1', 900009, 'twin@example.com', 'Basic_IL2', 'USD', '2026-01-05')"
    )
    await synchronise(pool)

    assert await copy_of(pool, "900009") is None


async def test_the_newest_figure_wins_over_passes_that_race(pool):
    async def deposit(cents: int) -> None:
        await pool.execute(
            "UPDATE platform.account SET balance = balance + $1 WHERE login = 55521", Decimal(cents) / 100
        )
        await synchronise(pool)

    before = await pool.fetchval("SELECT balance FROM platform.account WHERE login = 55521")
    await asyncio.gather(*(deposit(cents) for cents in range(1, 31)))

    assert (await copy_of(pool, "55521"))[2] == before + Decimal("4.65")


async def test_paused_it_leaves_the_erp_as_it_is_until_resumed(pool):
    before = (await copy_of(pool, "55521"))[2]

    async with synchronising(pool, interval_seconds=0.01):
        await pause(pool)
        await pool.execute("UPDATE platform.account SET balance = balance + 1 WHERE login = 55521")
        await asyncio.sleep(0.2)
        assert (await copy_of(pool, "55521"))[2] == before

        await resume(pool)
        async with asyncio.timeout(60):
            while (await copy_of(pool, "55521"))[2] != before + 1:  # noqa: ASYNC110 only asking tells
                await asyncio.sleep(0.01)
