"""What an operation costs over 10,000,000 accounts: .venv/bin/python bench/scale.py [--data FOLDER]

Loads the sandbox with 1,000,000 clients and copies them (bench/scale.sql). Then it measures the processor time of the
server and of PostgreSQL for each operation of a dashboard, and the work and the bytes of a deposit. bench/scale_plan.py
computes from them what a large broker needs. Writes bench/SCALE.md and bench/scale.json. `--data` keeps the sandbox.

The server has core 0. PostgreSQL, the vendors and the driver share core 1. On a machine with other load the processor
times are reliable, and the milliseconds are not.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HOUSE = Path(__file__).parents[1]
sys.path[:0] = [str(HOUSE), str(HOUSE / "tests"), str(HOUSE / "bench")]

import asyncpg
from documents import CLIENT, OURS
from machine import SERVER_CORE, described, family, pin, resident_mib
from measure import driven, need_wrk
from scale_ledger import DEPOSITORS, Site, deposits, fill_ledger, sizes
from scale_plan import Cost, Facts, report
from servers import Peer
from sites import box_on_other_core, write_report
from support.boxes import RunningBox
from support.graphs import Graph, running_graph

from api.cli.demo_keys import add_demo_keys
from api.settings.settings import load_settings
from core.secret import Secret
from resolvers.fields.ids import CLIENTS as CLIENT_CURSOR
from sandbox.seed import FIRST_GENERATED
from upstreams.postgres.migrate import migrate

LOAD_SECONDS, SNAPSHOT_SECONDS = 3600, 300
BODIES, CONNECTIONS = 2000, 16
SETTINGS = {"BUDGET__COST_PER_MINUTE": "1000000000", "ERP__POOL_SIZE": "4", "LISTS__SNAPSHOT_SECONDS": "86400"}
PLAIN = " ".join(CLIENT.replace("LIVE", "").split())
ONE = f"query One($number: Int!) {{ client(by: {{clientNumber: $number}}) {{ {PLAIN} }} }}"
PAGE = f"query Page($after: String) {{ clients(first: 50, after: $after) {{ nodes {{ {PLAIN} }} }} }}"
ACCOUNT = """query Account($account: TradingAccountBy!) { tradingAccount(by: $account) {
  login platform group currency balance equity status client { clientNumber fullName } } }"""
SEARCH = """query Search($text: String!) { clients(first: 20, filter: { search: $text }) {
  nodes { clientNumber fullName email agency } } }"""
ELIGIBLE = """
    SELECT a.server, a.login::text AS login FROM platform.account a
    JOIN hyper.clients c USING (client_number)
    JOIN hyper.tpm_account_status t ON t.data_source = a.server AND t.account_login = a.login::text
    WHERE a.server = 'R1' AND a.currency = 'USD' AND a.enabled AND NOT a.read_only AND c.locked_name_and_id
          AND c.handling_status IN (4, 5) AND a.login > $1 ORDER BY a.login LIMIT $2"""


async def copy_clients(connection: Any, clients: int, copies: int) -> None:
    """Copy the generated clients, unless an earlier run has done it. Indexes are made again after the copies."""
    if await connection.fetchval("SELECT max(client_number) FROM hyper.clients") >= FIRST_GENERATED + clients:
        return
    indexes = (HOUSE / "sandbox" / "sql" / "erp_indexes.sql").read_text(encoding="utf-8")
    for line in indexes.splitlines():
        if line.startswith("CREATE"):
            await connection.execute(f"DROP INDEX hyper.{line.partition(' INDEX ')[2].split()[0]}")
    text = (HOUSE / "bench" / "scale.sql").read_text(encoding="utf-8")
    text = text.replace("$first", str(FIRST_GENERATED)).replace("$last", str(FIRST_GENERATED + clients - 1))
    for number in range(1, copies + 1):
        print(f"copy {number} of {copies} ...", file=sys.stderr, flush=True)  # noqa: T201
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(text.replace("$offset", str(number * clients)))
    await connection.execute(indexes)
    await connection.execute("VACUUM ANALYZE")


def operations(last: int, accounts: list[dict[str, str]]) -> dict[str, list[str]]:
    """Requests as JSON, by the name of their operation; each with values from all clients."""
    dice = random.Random(11)  # noqa: S311 - a choice of rows is no secret.
    numbers = [dice.randrange(FIRST_GENERATED, last - 50) for _ in range(BODIES)]
    asked: dict[str, tuple[str, list[dict[str, Any]]]] = {
        "one client": (ONE, [{"number": number} for number in numbers]),
        "a page of 50 clients": (PAGE, [{"after": CLIENT_CURSOR.encode(number)} for number in numbers]),
        "one account": (ACCOUNT, [{"account": {"account": one}} for one in accounts]),
        "a search by e-mail": (SEARCH, [{"text": f"client{number}@example.com"} for number in numbers]),
    }
    return {
        name: [json.dumps({"query": " ".join(text.split()), "variables": one}) for one in variables]
        for name, (text, variables) in asked.items()
    }


def cost_of(site: Site, bodies: list[str], rounds: int, seconds: float) -> Cost:
    """Medians over rounds, after one that warms up."""
    port = int(site.graph.url.rpartition(":")[2])
    peer = Peer("brokergraph", "", (), port, OURS, key="demo-operator")
    found: list[Cost] = []
    for _ in range(rounds + 1):
        before = site.spent()
        answers = driven(peer, bodies, CONNECTIONS, seconds)
        if answers["errors"]:
            raise RuntimeError(f"{answers['errors']} answers with errors")
        server, database = (
            1000 * (now - was) / answers["answers"] for now, was in zip(site.spent(), before, strict=True)
        )
        found.append(Cost(server, database, answers["p50"] / 1000, answers["p99"] / 1000))
    return Cost(*(round(statistics.median(column), 3) for column in zip(*found[1:], strict=True)))


async def new_state(box: RunningBox) -> str:
    """The address of a new database of our own, so that its commits are only those of brokergraph."""
    connection = await asyncpg.connect(box.database_url)
    await connection.execute("DROP DATABASE IF EXISTS scale_state WITH (FORCE)")
    await connection.execute("CREATE DATABASE scale_state")
    await connection.close()
    url = urlsplit(box.database_url)._replace(path="/scale_state").geturl()
    settings = load_settings(box.settings_path, {"BROKERGRAPH_STATE__DATABASE_URL": url})
    await migrate(Secret(url))
    await add_demo_keys(settings)
    return url


async def rebuild_totals(box: RunningBox, url: str, state: Any) -> float:
    """The seconds of a rebuild of all clients' totals. The measured server has a long interval instead."""
    with server(box, url, LISTS__SNAPSHOT_SECONDS=str(SNAPSHOT_SECONDS)):
        # A server begins after a tenth of the interval.
        await asyncio.sleep(SNAPSHOT_SECONDS / 10)
        begun = time.monotonic()
        while not await state.fetchval("SELECT max(number) FROM brokergraph.client_total_rebuild"):
            if time.monotonic() - begun > SNAPSHOT_SECONDS:
                raise RuntimeError("the snapshot of all totals was not made")
            await asyncio.sleep(0.1)
        return round(time.monotonic() - begun, 1)


@contextmanager
def server(box: RunningBox, state: str, **more: str) -> Iterator[Graph]:
    with running_graph(box, **{**SETTINGS, "STATE__DATABASE_URL": state, **more}) as graph:
        pin(family(graph.process.pid or 0), SERVER_CORE)
        yield graph


async def measure(box: RunningBox, database_pid: int, asked: argparse.Namespace) -> Facts:
    connection = await asyncpg.connect(box.database_url, command_timeout=LOAD_SECONDS)
    await copy_clients(connection, asked.clients, asked.copies)
    rows = await connection.fetch(ELIGIBLE, 10 * asked.clients, BODIES)
    accounts = [dict(row) for row in rows]
    last = await connection.fetchval("SELECT max(client_number) FROM hyper.clients")
    url = await new_state(box)
    state = await asyncpg.connect(url, command_timeout=LOAD_SECONDS)
    snapshot = await rebuild_totals(box, url, state)
    with server(box, url) as graph:
        site = Site(graph, state, database_pid)
        costs = {
            name: cost_of(site, bodies, asked.rounds, asked.seconds)
            for name, bodies in operations(last, accounts).items()
        }
        deposit = await deposits(site, accounts[: asked.deposits + DEPOSITORS])
        memory = round(resident_mib(site.server_pids), 1)
    await fill_ledger(state, asked.instructions)
    found: Facts = {
        "machine": described(),
        "rows": {
            "clients": await connection.fetchval("SELECT count(*) FROM hyper.clients"),
            "accounts": await connection.fetchval("SELECT count(*) FROM hyper.tpm_account_status"),
            "instructions": await state.fetchval("SELECT count(*) FROM brokergraph.instruction"),
            "database_gib": round(await connection.fetchval("SELECT pg_database_size(current_database())") / 2**30, 1),
        },
        "operations": {name: cost._asdict() for name, cost in costs.items()},
        "deposit": deposit,
        "row_bytes": await sizes(state),
        "server_mib": memory,
        "snapshot_seconds": snapshot,
    }
    await connection.close()
    await state.close()
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clients", type=int, default=1_000_000, help="that the sandbox generates")
    options.add_argument("--copies", type=int, default=4)
    options.add_argument("--data", type=Path, help="a folder that keeps the loaded sandbox")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--deposits", type=int, default=800)
    options.add_argument("--instructions", type=int, default=300_000)
    asked = options.parse_args()
    need_wrk()
    with box_on_other_core(asked.clients, asked.data, LOAD_SECONDS) as (box, folder):
        database_pid = int(next(folder.rglob("postmaster.pid")).read_text().split()[0])
        facts = asyncio.run(measure(box, database_pid, asked))
    facts["live"] = json.loads((HOUSE / "bench" / "live.json").read_text())["figures"]
    text = report(facts)
    write_report("scale", text, facts)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
