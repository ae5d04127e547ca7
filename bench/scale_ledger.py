"""What a deposit costs, and the bytes of the ledger's rows, for bench/scale.py."""

import asyncio
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from machine import cpu_seconds, family, reaped_seconds
from support.graphs import Graph
from support.mutations import DEPOSIT, new_key

from sandbox.seed import FIRST_GENERATED

DEPOSITORS = 8
TABLES = ("instruction", "instruction_event", "stream_event")


@dataclass
class Site:
    """The loaded sandbox, and a server over it."""

    graph: Graph
    state: Any
    database_pid: int

    @property
    def server_pids(self) -> list[int]:
        return family(self.graph.process.pid or 0)

    def spent(self) -> tuple[float, float]:
        """Processor seconds of the server and of PostgreSQL so far."""
        pids = family(self.database_pid)
        return cpu_seconds(self.server_pids), cpu_seconds(pids) + sum(reaped_seconds(pid) for pid in pids)


async def deposits(site: Site, accounts: list[dict[str, str]]) -> dict[str, float]:
    """What a deposit costs, from the request to the confirmed instruction."""

    def deposit(account: dict[str, str]) -> float:
        asked = {"account": {"account": account}, "amount": "10.00", "currency": "USD", "idempotencyKey": new_key()}
        begun = time.perf_counter()
        payload = site.graph.data(DEPOSIT, {"input": asked})["deposit"]
        if payload["__typename"] != "DepositConfirmed":
            raise RuntimeError(f"{account}: {payload}")
        return time.perf_counter() - begun

    with ThreadPoolExecutor(DEPOSITORS) as threads:
        list(threads.map(deposit, accounts[:DEPOSITORS]))
        wanted = accounts[DEPOSITORS:]
        ledger, spent = await _ledger(site.state), site.spent()
        taken = sorted(threads.map(deposit, wanted))
        # The sequencer moves the last events to the log.
        await asyncio.sleep(2)
    server, database = (1000 * (now - was) / len(wanted) for now, was in zip(site.spent(), spent, strict=True))
    grown = {name: (now - ledger[name]) / len(wanted) for name, now in (await _ledger(site.state)).items()}
    times = {"p50_ms": 1000 * statistics.median(taken), "p99_ms": 1000 * taken[int(len(taken) * 0.99)]}
    return {
        name: round(value, 2)
        for name, value in ({"server_ms": server, "database_ms": database} | grown | times).items()
    }


async def _ledger(connection: Any) -> dict[str, float]:
    """The commits in our own database, and the events, so far."""
    query = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    events = "SELECT count(*) FROM brokergraph.instruction_event"
    return {"commits": await connection.fetchval(query), "events": await connection.fetchval(events)}


async def sizes(connection: Any) -> dict[str, float]:
    """Bytes of a row with its indexes, in the tables that grow."""
    found = {}
    for name in TABLES:
        await connection.execute(f"VACUUM ANALYZE brokergraph.{name}")
        size, rows = await connection.fetchrow(
            f"SELECT pg_total_relation_size('brokergraph.{name}'), count(*) FROM brokergraph.{name}"  # noqa: S608
        )
        found[name] = round(size / max(rows, 1), 1)
    return found


async def fill_ledger(connection: Any, instructions: int) -> None:
    """Add instructions, so that the tables have many pages."""
    await connection.execute(
        """INSERT INTO brokergraph.instruction (id, kind, status, principal, idempotency_key, request_hash, reference,
               client_number, agency, server, login, created_at, details)
           SELECT gen_random_uuid(), 'DEPOSIT', 'RECEIVED', 'scale', 'scale-' || n, sha256(n::text::bytea),
                  'scale-' || n, $2 + n % 100000, n % 6, 'R1', n::text,
                  timestamptz '2025-01-01 00:00+00' + n * interval '1 second', '{}'
           FROM generate_series(1, $1::int) n""",
        instructions,
        FIRST_GENERATED,
    )
