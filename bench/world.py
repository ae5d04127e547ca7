"""The world of a measurement: one PostgreSQL and one vendor for all servers.

The server that is asked has a core to itself, everything else shares another.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
from machine import OTHER_CORE, SERVER_CORE, family, pin
from servers import HERE, PEER_FOLDER, Peer

from api.cli.demo_keys import add_demo_keys
from api.settings.settings import load_settings
from sandbox.postgres import Postgres
from sandbox.settings import SANDBOX_ROLE
from upstreams.postgres.migrate import migrate

VENDOR_PORT = 18_700
START_SECONDS = 60
DATABASE = "postgres"
POOL = 4

# The limits stay on, and are above what is asked here: a page of 5,000 is no dashboard.
SETTINGS = """
[server]
host = "127.0.0.1"
executor = "{executor}"
[erp]
database_url = {database!r}
accounting_currency = "ILS"
pool_size = {pool}
[state]
database_url = {database!r}
[limits]
page_max = 5000
cost_max = 100_000_000
[budget]
cost_per_minute = 1_000_000_000
[broker_work.main]
url = "http://127.0.0.1:{vendor}"
tenant_id = "bench"
token = "bench"
chunk_logins = 1000
[broker_work.main.limits]
max_in_flight = 32
max_waiting = 10000
requests_per_minute = 100_000_000
[servers.L1]
platform = "MT4"
adapter = "broker_work"
connection = "main"
id = "1"
[servers.L2]
platform = "MT5"
adapter = "broker_work"
connection = "main"
id = "2"
"""


@dataclass
class Running:
    peer: Peer
    process: subprocess.Popen[bytes]

    @property
    def pids(self) -> list[int]:
        return family(self.process.pid)


@dataclass
class World:
    """What runs beside the servers."""

    folder: Path
    postgres: Postgres

    @property
    def database_url(self) -> str:
        return self.postgres.url_of(SANDBOX_ROLE, DATABASE)

    @property
    def database_pids(self) -> list[int]:
        assert self.postgres.pid is not None
        return family(self.postgres.pid)

    def environment(self) -> dict[str, str]:
        """How the peers reach the database and the vendor; node's pg wants the parts of the address."""
        parts = urlsplit(self.database_url)
        query = parse_qs(parts.query)
        return os.environ | {
            "NODE_ENV": "production",
            "GRAPHILE_ENV": "production",
            "DATABASE_URL": self.database_url,
            "DATABASE_HOST": query["host"][0],
            "DATABASE_PORT": query["port"][0],
            "DATABASE_USER": parts.username or "",
            "DATABASE_PASSWORD": parts.password or "",
            "DATABASE_NAME": parts.path.strip("/"),
            "DATABASE_POOL": str(POOL),
            "VENDOR_URL": f"http://127.0.0.1:{VENDOR_PORT}",
        }

    def start(self, peer: Peer) -> Running:
        """Starts it on its core and waits until it answers."""
        ours = peer.name.startswith("brokergraph")
        command = [*peer.command, *(("--port", str(peer.port)) if ours else ())]
        log = (self.folder / f"{peer.name}.log").open("wb")
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *command],
            cwd=HERE.parent if ours else PEER_FOLDER,
            env=self.environment() | {"PORT": str(peer.port)},
            stdout=log,
            stderr=log,
        )
        running = Running(peer, process)
        self._await_start(running)
        return running

    def _await_start(self, running: Running) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                ask(running.peer, '{"query":"{ __typename }","variables":{"number":500001}}')
            except OSError as error:
                if isinstance(error, urllib.error.HTTPError):
                    return
                if time.monotonic() > deadline or running.process.poll() is not None:
                    log = (self.folder / f"{running.peer.name}.log").read_text()
                    raise RuntimeError(f"{running.peer.name} did not start: {log[-2000:]}") from error
                time.sleep(0.1)
            else:
                return


def ask(peer: Peer, body: str) -> bytes:
    """One answer, as bytes."""
    headers = {"content-type": "application/json", "accept": "application/json"}
    if peer.key != "-":
        headers["authorization"] = f"Bearer {peer.key}"
    request = urllib.request.Request(peer.url, body.encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return bytes(answer.read())


def vendor(folder: Path) -> subprocess.Popen[bytes]:
    """Compiles and starts the vendor's stand-in."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("The bench needs a C compiler for the vendor's stand-in: apt-get install gcc libc6-dev")
    program = folder / "vendor"
    subprocess.run([compiler, "-O2", "-o", str(program), str(HERE / "stub" / "vendor.c")], check=True)
    return subprocess.Popen(["taskset", "-c", str(OTHER_CORE), str(program), str(VENDOR_PORT)])


async def load(url: str) -> None:
    """The tables, if they are not there yet."""
    connection: Any = await asyncpg.connect(url)
    try:
        if await connection.fetchval("SELECT to_regclass('app.currency_balances')") is None:
            head, _, tail = (HERE / "data.sql").read_text().rpartition("VACUUM ANALYZE;")
            await connection.execute(head)
            await connection.execute("VACUUM ANALYZE")
            assert not tail.strip()
    finally:
        await connection.close()


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """PostgreSQL with the data and the vendor's stand-in; both end with it."""
    async with Postgres(folder / "postgres", durable=False) as postgres:
        here = World(folder, postgres)
        await load(here.database_url)
        for executor in ("engine", "graphql-core"):
            text = SETTINGS.format(executor=executor, database=here.database_url, vendor=VENDOR_PORT, pool=POOL)
            path = folder / f"{executor}.toml"
            path.write_text(text)
            path.chmod(0o600)
        settings = load_settings(folder / "engine.toml", {})
        await migrate(settings.erp.database_url)
        await add_demo_keys(settings)
        pin(here.database_pids, OTHER_CORE)
        stand_in = vendor(folder)
        try:
            yield here
        finally:
            stand_in.kill()
            await asyncio.to_thread(stand_in.wait)
