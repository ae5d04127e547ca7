"""The nightly check of the books: a difference becomes a metric, a log line and a finding of `check --books`."""

import re
import time
from asyncio import to_thread
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from support.graphs import running_graph
from support.served import execute, wrong_lines
from support.vendor_calls import settings

from core.clock import Clock
from core.errors import ERP_DATABASE, Unavailable
from core.secret import Secret
from instructions.nightly_books import BooksConfig, NightlyBooks
from upstreams.erp.reader import Erp
from upstreams.flow.coalescing import Sharing
from upstreams.open import open_upstreams
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.state.books_check import BooksLease
from upstreams.vendors.kit.token_store import memory_tokens

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

NIGHT = datetime(2031, 5, 6, 2, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@contextmanager
def difference(box, login=61436, amount="12.34"):
    execute(box.database_url, f"INSERT INTO platform.books_difference VALUES ('R1', {login}, {amount})")
    try:
        yield
    finally:
        execute(box.database_url, "DELETE FROM platform.books_difference")


def checks(box):
    return sum(n for path, n in box.calls("cplugin")["by_path"].items() if "AdmBalanceCheck" in path)


# The command line


def test_a_difference_is_a_finding_and_the_exit_status(acme, box):
    with difference(box):
        done = acme.operator.run("check", "--books")

    assert done.returncode == 1
    assert [line for line in wrong_lines(done.stdout) if "books" in line] == [
        "servers.R1 (books): the balance of 61436 differs by 12.34"
    ]
    assert "ok    servers.R3 (books): no difference on " in done.stdout


def test_books_in_order_are_found_so_with_all_accounts_of_the_erp(acme, box):
    done = acme.operator.run_here("check", "--books")

    accounts = int(re.search(r"ok    servers.R1 \(books\): no difference on (\d+) accounts", done.stdout)[1])
    assert accounts > 100
    assert done.exit_code == 0
    assert checks(box) == 2


async def test_all_accounts_are_checked_in_batches(acme, box, database):
    query = "SELECT count(*) FROM brokergraph_erp.trading_account WHERE server = 'R1'"
    accounts = await database.fetchval(query)

    done = await to_thread(acme.operator.having(BROKERGRAPH_CPLUGIN__MAIN__CHUNK_LOGINS="50").run, "check", "--books")

    assert f"ok    servers.R1 (books): no difference on {accounts} accounts" in done.stdout
    assert accounts > 100
    assert checks(box) == -(-accounts // 50) + 1


def test_the_books_are_read_only_on_request(acme, box):
    assert acme.operator.run_here("check").exit_code == 0
    assert checks(box) == 0


def test_books_that_cannot_be_read_are_a_finding(acme, box):
    box.tell("cplugin", "/misbehave", {"fault": "business_error", "code": "NotEnoughRights", "path": "AdmBalance"})

    done = acme.operator.run_here("check", "--books")

    assert done.exit_code == 1
    assert [line.partition(":")[0] for line in wrong_lines(done.stdout)] == [
        "servers.R1 (books)",
        "servers.R3 (books)",
    ]


def test_the_books_cannot_be_checked_offline(acme):
    assert acme.operator.run_here("check", "--books", "--offline").exit_code == 2


# The night


def metric(graph):
    text = graph.client.get(f"{graph.url}/metrics", headers={"authorization": "Bearer demo-operator"}).text
    return int(float(re.search(r"^brokergraph_books_differences (\S+)$", text, re.MULTILINE)[1]))


def test_a_difference_is_a_metric_and_a_log_line_of_one_of_two_processes(box, well_behaved):
    nightly = {"BOOKS__ENABLED": "true", "BOOKS__HOUR": str(datetime.now(UTC).hour), "RECONCILIATION__ENABLED": "false"}
    with difference(box), running_graph(box, **nightly) as first:
        for _ in range(1200):
            if metric(first):
                break
            time.sleep(0.05)
        with running_graph(box, **nightly) as second:
            second.data("{ tradingServers { name } }")
            logs = first.written(), second.written()
            assert (metric(first), metric(second)) == (1, 0)

    [line] = [line for line in logs[0].splitlines() if "books.difference" in line]
    assert '"server":"R1"' in line.replace(" ", "")
    assert '"difference":"12.34"' in line.replace(" ", "")
    assert '"login":"61436"' in line.replace(" ", "")
    assert "books." not in logs[1]
    assert checks(box) == 2


@pytest.fixture
async def state(acme):
    database = Database(DatabaseConfig(url=Secret(acme.state)), label="STATE_DATABASE")
    await database.write("TRUNCATE brokergraph.books_check", seconds=5)
    yield database
    await database.close()


@pytest.fixture
async def nightly(box, state):
    """Two processes, of which each may check the books at 2."""
    erp = Database(DatabaseConfig(url=Secret(box.graph_database_url)), label=ERP_DATABASE)
    async with open_upstreams(settings(box), Clock(), memory_tokens) as house:
        yield [
            NightlyBooks(BooksLease(state), Erp(erp, Sharing(0, 1)), house.servers, Clock(), BooksConfig())
            for _ in range(2)
        ]
    await erp.close()


EXPIRE = "UPDATE brokergraph.books_check SET leased_until = now() - interval '1 s'"


async def test_a_night_is_checked_once(nightly, box, state):
    for at in (NIGHT, NIGHT + 3 * HOUR):
        for process in nightly:
            await process.check_if_due(at)
        await state.write(EXPIRE, seconds=5)

    assert checks(box) == 2
    await nightly[1].check_if_due(NIGHT + 24 * HOUR)
    assert checks(box) == 4


@pytest.mark.parametrize("hours, calls", [(-1, 0), (0, 2), (5, 2), (6, 0)])
async def test_the_check_begins_at_its_hour_and_not_in_the_day(nightly, box, hours, calls):
    await nightly[0].check_if_due(NIGHT + hours * HOUR)

    assert checks(box) == calls


async def test_a_night_across_midnight_is_one_night(state, box):
    async with open_upstreams(settings(box), Clock(), memory_tokens) as house:
        erp = Database(DatabaseConfig(url=Secret(box.graph_database_url)), label=ERP_DATABASE)
        late = NightlyBooks(BooksLease(state), Erp(erp, Sharing(0, 1)), house.servers, Clock(), BooksConfig(hour=23))
        for hours in (0, 1, 3):
            await late.check_if_due(datetime(2031, 5, 6, 23, 30, tzinfo=UTC) + hours * HOUR)
        await erp.close()

    assert checks(box) == 2


async def test_a_check_that_failed_is_repeated_after_the_lease(nightly, box, state):
    box.tell(
        "cplugin", "/misbehave", {"fault": "business_error", "code": "NoConnect", "times": 1, "path": "AdmBalance"}
    )
    await nightly[0].check_if_due(NIGHT)
    await nightly[1].check_if_due(NIGHT)
    assert checks(box) == 2

    await state.write(EXPIRE, seconds=5)
    await nightly[1].check_if_due(NIGHT)
    await nightly[0].check_if_due(NIGHT)

    assert checks(box) == 4


async def test_a_repaired_account_leaves_the_metric(nightly, database):
    await database.execute("INSERT INTO platform.books_difference VALUES ('R1', 61436, 1)")
    await nightly[0].check_if_due(NIGHT)
    await database.execute("DELETE FROM platform.books_difference")
    assert nightly[0].differences == 1
    await nightly[0].check_if_due(NIGHT + 24 * HOUR)

    assert nightly[0].differences == 0


async def test_no_lease_is_had_without_the_database(state):
    await state.close()
    with pytest.raises(Unavailable):
        await BooksLease(state).claim(NIGHT.date(), HOUR)
