"""Lists over 1,000,000 clients: .venv/bin/python bench/lists.py [--clients N] [--data FOLDER]

Each list in each order, the first page and page 5,000, searches and sums, by brokergraph and by PostGraphile 5 over one
sandbox. In each round every operation is asked of both servers in turn, one request after another. Prints the figures
and writes bench/LISTS.md and bench/lists.json. `--data` keeps the loaded sandbox for the next run.

Each server has core 0 while it is asked. PostgreSQL and the vendors share core 1 with this program.

Promised, and checked by the exit status: the first page of each order takes at most 1.2 times as long as that of the
unordered list, at the median, and no statement of a request reads a large table as a whole.
"""

import argparse
import asyncio
import os
import random
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).parents[1]
sys.path[:0] = [str(HOUSE), str(HOUSE / "tests"), str(HOUSE / "bench")]

import asyncpg
from driver import quantile
from list_cases import FIRST, Case, cases
from list_plans import StatementLog, Work, work_of
from list_report import MOST_RATIO, ratio, report
from list_servers import Server, brokergraph, postgraphile
from machine import described
from sites import box_on_other_core, write_report
from support.boxes import RunningBox

PAGE = 5000
LOAD_SECONDS, SNAPSHOT_SECONDS = 1800, 100
INSTRUCTIONS = 300_000
WARM_UP = 8
# Of a slower operation there are fewer requests in a round.
SLOW_SECONDS, SLOW_REQUESTS = 0.2, 3


@dataclass
class Measured:
    """A page of a case, the documents for it, and the milliseconds of all rounds by server."""

    case: Case
    page: str
    bodies: dict[str, bytes]
    rounds: dict[str, list[list[float]]] = field(default_factory=dict)


async def prepare(connection: Any) -> None:
    """Run lists.sql, and wait for the snapshot of all totals."""
    text = (HOUSE / "bench" / "lists.sql").read_text(encoding="utf-8")
    await connection.execute(text.replace("$instructions", str(INSTRUCTIONS)), timeout=LOAD_SECONDS)
    deadline = time.monotonic() + 4 * SNAPSHOT_SECONDS
    while not await connection.fetchval("SELECT max(number) FROM brokergraph.client_total_rebuild"):
        if time.monotonic() > deadline:
            raise RuntimeError("the snapshot of all totals was not made")
        await asyncio.sleep(0.5)
    for table in ("hyper.tpm_account_status", "brokergraph.instruction", "brokergraph.client_total"):
        await connection.execute(f"VACUUM ANALYZE {table}", timeout=LOAD_SECONDS)


async def lacking(case: Case, ours: Server) -> bool:
    """Whether the schema lacks the field of the case."""
    if case.field is None:
        return False
    fields = ours.data('{ __type(name: "Query") { fields { name } } }')["__type"]["fields"]
    return case.field not in {one["name"] for one in fields}


async def documents(connection: Any, case: Case, ours: Server, peer: Server, notes: list[str]) -> list[Measured]:
    """The first page, and the deep page if the case is an order. `notes` gets what fails and pages with different
    rows.
    """
    found = []
    for page in (1, PAGE) if case.place is not None else (1,):
        try:
            number, texts = await _page(connection, case, page, ours, peer)
            rows = {one.name: keys_of(case, one.data(texts[one.name])) for one in (ours, peer) if one.name in texts}
        except (RuntimeError, TimeoutError) as error:
            notes.append(f"{case.name}, page {page}: failed: {str(error)[:300]}")
            continue
        if len(set(map(str, rows.values()))) > 1:
            notes.append(f"{case.name}, page {number}: the servers give different rows")
        found.append(Measured(case, f"{number:,}", {name: ours.body(text) for name, text in texts.items()}))
    return found


async def _page(connection: Any, case: Case, page: int, ours: Server, peer: Server) -> tuple[int, dict[str, str]]:
    """The number of the page, which is smaller in a short list, and the document for each server."""
    after = peers_after = None
    if page > 1 and case.cursor is not None:
        unordered = case.place.partition(" ORDER BY ")[0]
        page = min(page, await connection.fetchval(f"SELECT count(*) FROM ({unordered}) rows") // FIRST)
        place = await connection.fetchrow(f"{case.place} OFFSET {(page - 1) * FIRST - 1} LIMIT 1")
        after = case.cursor.encode(*place)
        if case.peer is not None:
            peers_after = peer.data(case.peers_place((page - 1) * FIRST))["list"]["pageInfo"]["endCursor"]
    texts = {ours.name: case.ours(after)}
    return page, texts if case.peer is None else texts | {peer.name: case.peers(peers_after)}


def keys_of(case: Case, data: Any) -> list[Any]:
    nodes = data["list"].get("nodes", [])
    return [[row[key] for key in case.list.keys] for row in nodes]


def one_round(measured: list[Measured], servers: dict[str, Server], requests: int) -> None:
    """Every operation of each server, so often. Each turn has another order, because an operation affects the next."""
    times: dict[tuple[int, str], list[float]] = {}
    for turn in range(requests):
        for number, one in random.sample([*enumerate(measured)], len(measured)):
            names = sorted(one.bodies, reverse=bool(turn % 2))
            for name in names:
                taken = times.setdefault((number, name), [])
                if len(taken) >= SLOW_REQUESTS and taken[0] > SLOW_SECONDS:
                    continue
                begun = time.perf_counter()
                servers[name].ask(one.bodies[name])
                taken.append(time.perf_counter() - begun)
    for (number, name), taken in times.items():
        measured[number].rounds.setdefault(name, []).append(taken)


async def plans(box: RunningBox, clients: int, connection: Any, measured: list[Measured]) -> dict[str, Work]:
    """The database's work for each operation, by a server of its own with a logged role."""
    found: dict[str, Work] = {}
    log = StatementLog(box.settings_path.parent / "postgres.log", connection)
    await log.turn(on=True)
    try:
        with brokergraph(box, clients) as server:
            for one in measured:
                server.ask(one.bodies["brokergraph"])
                log.sent()
                server.ask(one.bodies["brokergraph"])
                await asyncio.sleep(0.05)
                works = [await work_of(connection, sent) for sent in log.sent()]
                found[f"{one.case.name}, page {one.page}"] = sum(works, Work())
    finally:
        await log.turn(on=False)
    return found


def figures(one: Measured, work: Work) -> dict[str, Any]:
    """p50 and p99 over all rounds, in milliseconds, and the work of the database for brokergraph."""
    found: dict[str, Any] = {"operation": one.case.name, "page": one.page, "order": one.case.order}
    found |= {"planning": round(work.planning, 2), "execution": round(work.execution, 2), "pages": work.pages}
    for name, rounds in one.rounds.items():
        values = sorted(taken for taken_in_round in rounds for taken in taken_in_round)
        found[name] = {share: quantile(values, part) for share, part in (("p50", 0.5), ("p99", 0.99))}
        found[name]["rounds"] = [round(statistics.median(taken) * 1000, 3) for taken in rounds]
        found[name]["least"] = round(values[0] * 1000, 2)
    return found


async def measure(box: RunningBox, clients: int, folder: Path, rounds: int, requests: int) -> dict[str, Any]:
    connection = await asyncpg.connect(box.database_url, command_timeout=600)
    with brokergraph(box, clients, SNAPSHOT_SECONDS):
        await prepare(connection)
    with ExitStack() as stack:
        ours = stack.enter_context(brokergraph(box, clients))
        peer = stack.enter_context(postgraphile(box, folder))
        skipped: list[str] = []
        notes: list[str] = []
        measured: list[Measured] = []
        for case in cases():
            if await lacking(case, ours):
                skipped.append(f"{case.name}: the schema has no field {case.field}")
            else:
                measured += await documents(connection, case, ours, peer, notes)
        servers = {ours.name: ours, peer.name: peer}
        one_round(measured, servers, WARM_UP)
        for one in measured:
            one.rounds.clear()
        for _ in range(rounds):
            one_round(measured, servers, requests)
    works = await plans(box, clients, connection, measured)
    facts = {
        name: await connection.fetchval(f"SELECT count(*) FROM {table}")
        for name, table in (
            ("clients", "hyper.clients"),
            ("accounts", "hyper.tpm_account_status"),
            ("instructions", "brokergraph.instruction"),
        )
    }
    await connection.close()
    operations = [figures(one, works[f"{one.case.name}, page {one.page}"]) for one in measured]
    return {
        "machine": described() | {"load": f"{os.getloadavg()[1]:.1f}"},
        "rows": facts,
        "rounds": rounds,
        "requests": requests,
        "operations": operations,
        "skipped": skipped,
        "notes": notes,
        "whole_reads": {name: sorted(one.whole) for name, one in works.items() if one.whole},
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clients", type=int, default=1_000_000)
    options.add_argument("--data", type=Path, help="a folder that keeps the loaded sandbox")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--requests", type=int, default=40, help="of each operation and server in a round")
    asked = options.parse_args()
    with box_on_other_core(asked.clients, asked.data, LOAD_SECONDS) as (box, folder):
        facts = asyncio.run(measure(box, asked.clients, folder, asked.rounds, asked.requests))
    text = report(facts)
    write_report("lists", text, facts)
    sys.stdout.write(text)
    slow = [one for one in facts["operations"] if (ratio(facts, one) or 0) > MOST_RATIO]
    failed = any("failed" in note for note in facts["notes"])
    return 1 if slow or failed or facts["whole_reads"] else 0


if __name__ == "__main__":
    sys.exit(main())
