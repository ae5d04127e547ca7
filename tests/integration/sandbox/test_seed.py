import asyncpg
import pytest

from sandbox import seed, settings
from sandbox.__main__ import progress_bar
from sandbox.database import SeedMismatchError, fill
from sandbox.postgres import Postgres

pytestmark = pytest.mark.anyio

CLIENTS = 400


@pytest.fixture(scope="module")
async def pg(tmp_path_factory):
    async with Postgres(tmp_path_factory.mktemp("seed"), durable=False) as postgres:
        await fill(postgres, CLIENTS, fresh=False, progress=seed.quiet)
        yield postgres


@pytest.fixture(scope="module")
async def erp(pg):
    connection = await asyncpg.connect(pg.url)
    yield connection
    await connection.close()


async def rows(connection, question: str, *arguments) -> list[tuple]:
    """Money as text: what counts is every digit that is written."""
    return [
        tuple(str(value) if type(value).__name__ == "Decimal" else value for value in row.values())
        for row in await connection.fetch(question, *arguments)
    ]


async def test_client_500608_is_the_document_s_to_the_digit(erp):
    balances = await rows(
        erp,
        "SELECT currency, balance, cash, value FROM brokergraph_erp.currency_balance"
        " WHERE client_number = 500608 ORDER BY currency",
    )
    client = await rows(
        erp,
        "SELECT c.agency, c.erp_status, c.erp_status_text, w.web_status, w.web_status_text, c.identity_locked,"
        " p.api_password FROM brokergraph_erp.client c JOIN brokergraph_erp.web_status w USING (client_number)"
        " JOIN brokergraph_erp.api_password p USING (client_number) WHERE client_number = 500608",
    )
    total = await erp.fetchval(
        "SELECT sum(value)::text FROM brokergraph_erp.currency_balance WHERE client_number = 500608"
    )

    assert balances == [
        ("BTC", "0.10790961", "0.10790961", "25133.80"),
        ("ETH", "2.47121843", "2.47121843", "17208.41"),
        ("ILS", "27354.00", "25354.00", "27354.00"),
        ("USD", "1064.15", "1064.15", "3192.44"),
    ]
    assert total == "72888.65"
    assert client == [(0, 5, "לקוח אמיתי", 2, "מאושר / פעיל", True, "8Lba7u5smABC")]
    assert await rows(erp, "SELECT * FROM brokergraph_erp.accounting_currency") == [("ILS",)]


async def test_client_500608_has_accounts_with_two_vendors(erp):
    accounts = await rows(
        erp,
        "SELECT server, login, platform, status, group_name, currency FROM brokergraph_erp.trading_account"
        " WHERE client_number = 500608 ORDER BY server, login",
    )

    assert accounts == [
        ("L1", "3004272", "CTRADER", 3, "Default", "EUR"),
        ("L1", "3004273", "CTRADER", 3, "HFT", "USD"),
        ("R1", "61436", "MT4", 3, "Basic_IL2", "USD"),
    ]


async def test_client_500014_waits_for_its_first_account(erp):
    assert await rows(erp, "SELECT * FROM brokergraph_erp.trading_account WHERE client_number = 500014") == []
    assert await rows(erp, "SELECT api_password FROM brokergraph_erp.api_password WHERE client_number = 500014") == [
        ("S0wUqUWvujCf",)
    ]
    assert await rows(
        erp,
        "SELECT s.platform, s.next_login, g.currency FROM platform.server s JOIN platform.account_group g"
        " ON g.server = s.name WHERE s.name = 'R1' AND g.name = 'Basic_IL2'",
    ) == [("MT4", 636400, "USD")]
    assert await rows(
        erp, "SELECT agency, erp_status, identity_locked FROM brokergraph_erp.client WHERE client_number = 500014"
    ) == [(1, 4, True)]


async def test_account_55521_exists(erp):
    assert await rows(
        erp,
        "SELECT client_number, server, platform, status, group_name, currency, balance"
        " FROM brokergraph_erp.trading_account WHERE login = '55521'",
    ) == [(500021, "R1", "MT4", 3, "Basic_IL2", "USD", "18270.84")]


async def test_the_broker_work_accounts_have_every_field_of_the_sample(erp):
    assert await rows(
        erp,
        "SELECT a.login, account_type, currency, enabled, french_risk, group_name, lead_source, leverage, max_leverage,"
        " read_only, registered_local::text, send_reports, swap_free, total_margin_calculation"
        " FROM platform.account a JOIN platform.server s ON s.name = a.server"
        " WHERE s.vendor_id = '1' AND a.login IN (3004272, 3004273) ORDER BY a.login",
    ) == [
        (
            3004272,
            "HEDGED",
            "EUR",
            True,
            False,
            "Default",
            "",
            "20",
            "0",
            False,
            "2016-10-05 15:52:47",
            False,
            False,
            "MAX",
        ),
        (
            3004273,
            "HEDGED",
            "USD",
            True,
            False,
            "HFT",
            "",
            "300",
            "0",
            False,
            "2016-10-06 16:02:17",
            False,
            False,
            "MAX",
        ),
    ]


async def test_a_debt_is_negative_and_a_currency_without_a_rate_has_no_value(erp):
    assert await rows(
        erp,
        "SELECT client_number, currency, balance, cash, value FROM brokergraph_erp.currency_balance"
        " WHERE client_number IN (500031, 500032) ORDER BY client_number, currency",
    ) == [
        (500031, "EUR", "-12.50", "-12.50", "-45.52"),
        (500032, "ILS", "100.00", "100.00", "100.00"),
        (500032, "TRY", "41250.75", "41250.75", None),
    ]


async def test_generated_clients_are_of_every_kind(erp):
    async def kinds(question: str) -> list:
        return [value for (value,) in await rows(erp, question)]

    mine = "client_number > 600000"
    accounts = "brokergraph_erp.trading_account"
    per_client = (
        "SELECT DISTINCT (SELECT count(*) FROM {view} x WHERE x.client_number = c.client_number)"
        f" FROM brokergraph_erp.client c WHERE {mine} ORDER BY 1"
    )
    assert await erp.fetchval(f"SELECT count(*) FROM brokergraph_erp.client WHERE {mine}") == CLIENTS
    assert await kinds(per_client.format(view=accounts)) == [0, 1, 2, 3, 4, 5]
    assert await kinds(per_client.format(view="brokergraph_erp.currency_balance")) == [0, 1, 2, 3, 4, 5, 6]
    assert await kinds(f"SELECT DISTINCT server FROM {accounts} WHERE {mine} ORDER BY 1") == sorted(
        [*(server.name for server in settings.SERVERS), "X9"]
    )
    assert await kinds(f"SELECT DISTINCT status FROM {accounts} WHERE {mine} ORDER BY 1") == [0, 1, 2, 3, 7]
    assert await kinds(f"SELECT DISTINCT agency FROM brokergraph_erp.client WHERE {mine} ORDER BY 1") == [*range(6)]
    assert await kinds(f"SELECT DISTINCT erp_status FROM brokergraph_erp.client WHERE {mine} ORDER BY 1") == [
        *range(7),
        9,
    ]
    assert await kinds(f"SELECT DISTINCT web_status FROM brokergraph_erp.web_status WHERE {mine} ORDER BY 1") == [
        *(0, 1, 2, 3, 7)
    ]
    assert await kinds(f"SELECT DISTINCT identity_locked FROM brokergraph_erp.client WHERE {mine} ORDER BY 1") == [
        *(False, True)
    ]
    for oddity in ("balance < 0", "cash < balance", "value IS NULL", "scale(balance) = 8"):
        assert await erp.fetchval(
            f"SELECT count(*) > 0 FROM brokergraph_erp.currency_balance WHERE {mine} AND {oddity}"
        ), oddity
    assert await erp.fetchval(
        f"SELECT count(*) > 0 FROM brokergraph_erp.client c WHERE {mine}"
        " AND NOT EXISTS (SELECT FROM brokergraph_erp.web_status w WHERE w.client_number = c.client_number)"
    )


async def test_a_client_depends_on_its_number_alone(pg, erp, tmp_path, monkeypatch):
    monkeypatch.setattr(seed, "CHUNK_CLIENTS", 7)
    question = """
        SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM (
            SELECT c.client_number, c.full_name, c.email, c.agency, c.erp_status, c.identity_locked, w.web_status,
                   p.api_password, a.server, a.login, a.status, a.group_name, a.balance, a.equity, a.margin,
                   b.currency, b.balance, b.cash, b.value
            FROM brokergraph_erp.client c
            LEFT JOIN brokergraph_erp.web_status w USING (client_number)
            LEFT JOIN brokergraph_erp.api_password p USING (client_number)
            LEFT JOIN brokergraph_erp.trading_account a USING (client_number)
            LEFT JOIN brokergraph_erp.currency_balance b USING (client_number)
            WHERE c.client_number <= 600050) t"""

    async with Postgres(tmp_path, durable=False) as other:
        await fill(other, 50, fresh=False, progress=seed.quiet)
        connection = await asyncpg.connect(other.url)
        again = await connection.fetchval(question)
        await connection.close()

    assert again == await erp.fetchval(question)


async def test_the_graph_reads_the_views_makes_its_own_schema_and_nothing_else(pg):
    connection = await asyncpg.connect(pg.url_of(settings.GRAPH_ROLE))
    try:
        assert await connection.fetchval("SELECT count(*) FROM brokergraph_erp.api_password") > 300
        await connection.execute("CREATE SCHEMA brokergraph CREATE TABLE instruction (id integer)")
        for refused in (
            "SELECT * FROM hyper.clients",
            "SELECT * FROM platform.account",
            "DELETE FROM brokergraph_erp.api_password",
            "CREATE TABLE brokergraph_erp.mine (id integer)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(refused)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "question",
    [
        "SELECT * FROM brokergraph_erp.client WHERE client_number = ANY ('{500608,600001}'::int[])",
        "SELECT * FROM brokergraph_erp.client WHERE client_number > 600100 ORDER BY client_number LIMIT 51",
        "SELECT * FROM brokergraph_erp.client WHERE lower(full_name) LIKE 'anna%'",
        "SELECT * FROM brokergraph_erp.client WHERE lower(email) = 'client600001@example.com'",
        "SELECT * FROM brokergraph_erp.client WHERE crm_user_id = ANY ('{C0500608}'::text[])",
        "SELECT * FROM brokergraph_erp.web_status WHERE client_number = ANY ('{500608,600001}'::int[])",
        "SELECT * FROM brokergraph_erp.api_password WHERE client_number = ANY ('{500608,600001}'::int[])",
        "SELECT * FROM brokergraph_erp.currency_balance WHERE client_number = ANY ('{500608,600001}'::int[])",
        "SELECT * FROM brokergraph_erp.trading_account WHERE client_number = ANY ('{500608,600001}'::int[])",
        "SELECT a.* FROM unnest('{R1,L1}'::text[], '{61436,3004272}'::text[]) AS k (s, l)"  # noqa: ISC004 it is one
        " JOIN brokergraph_erp.trading_account a ON a.server = k.s AND a.login = k.l",
    ],
)
async def test_no_question_reads_a_whole_table(erp, question):
    small = ("handling_status", "web_account_status", "currency_rates", "trading_systems_list")

    async with erp.transaction():
        await erp.execute("SET LOCAL enable_seqscan = off")
        plan = [line for (line,) in await rows(erp, f"EXPLAIN (COSTS OFF) {question}")]

    read = [line.split("Seq Scan on ")[1].split()[0] for line in plan if "Seq Scan on " in line]
    assert [table for table in read if table not in small] == []
    assert any("Index Cond" in line for line in plan), plan


def test_a_large_load_tells_its_progress_in_ten_lines_where_there_is_no_terminal(capsys):
    with progress_bar() as show:
        for done in range(seed.CHUNK_CLIENTS, 1_000_001, seed.CHUNK_CLIENTS):
            show(done, 1_000_000)
        show(2_000, 2_000)

    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[0]) == (10, "Loaded 100,000 of 1,000,000 clients.")


async def test_progress_is_told_chunk_by_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(seed, "CHUNK_CLIENTS", 20)
    told = []

    async with Postgres(tmp_path, durable=False) as pg:
        await fill(pg, 50, fresh=False, progress=lambda done, total: told.append((done, total)))

    assert told == [(20, 50), (40, 50), (50, 50)]


async def test_what_was_loaded_stays_and_another_count_is_refused(pg, erp):
    await erp.execute("INSERT INTO platform.deal VALUES ('R1', 1, 61436, 'Balance', 10, 'kept', now())")

    await fill(pg, CLIENTS, fresh=False, progress=seed.quiet)
    await fill(pg, None, fresh=False, progress=seed.quiet)
    with pytest.raises(SeedMismatchError, match="has 400 clients, not 401: start with --fresh"):
        await fill(pg, CLIENTS + 1, fresh=False, progress=seed.quiet)

    assert await erp.fetchval("SELECT comment FROM platform.deal WHERE ticket = 1") == "kept"


async def test_a_load_that_was_killed_half_way_is_done_again_and_fresh_starts_over(tmp_path):
    async with Postgres(tmp_path, durable=False) as pg:
        await fill(pg, 3, fresh=False, progress=seed.quiet)
        connection = await asyncpg.connect(pg.url)
        await connection.execute("DELETE FROM sandbox.load; DELETE FROM hyper.clients WHERE client_number = 600002")
        await connection.close()

        await fill(pg, 3, fresh=False, progress=seed.quiet)
        assert await numbers(pg) == [600001, 600002, 600003]

        await fill(pg, 2, fresh=True, progress=seed.quiet)
        assert await numbers(pg) == [600001, 600002]


async def numbers(pg: Postgres) -> list[int]:
    connection = await asyncpg.connect(pg.url)
    try:
        found = await connection.fetch(
            "SELECT client_number FROM hyper.clients WHERE client_number > 600000 ORDER BY 1"
        )
        return [row[0] for row in found]
    finally:
        await connection.close()


@pytest.mark.parametrize("clients", [-1, seed.MAXIMUM_CLIENTS + 1])
async def test_an_impossible_count_is_refused(erp, clients):
    with pytest.raises(ValueError, match="between 0 and 1,000,000"):
        await seed.load(erp, clients)
