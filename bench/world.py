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
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from machine import OTHER_CORE, SERVER_CORE, family, pin
from prepare import POOL, Databases, prepare
from servers import HERE, Peer, peer_variables

from sandbox.postgres import Postgres
from sandbox.settings import SANDBOX_ROLE

VENDOR_PORT = 18_700
START_SECONDS = 60
DATABASE = "postgres"
EXECUTORS = ("engine", "graphql-core")


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

    async def empty_database(self, name: str) -> str:
        """The address of a new database beside the tables, for what one version of brokergraph writes."""
        connection: Any = await asyncpg.connect(self.database_url)
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        return self.postgres.url_of(SANDBOX_ROLE, name)

    async def prepare_executors(self) -> None:
        """Settings for this tree with each executor; both share one state database."""
        state = await self.empty_database("state")
        for executor in EXECUTORS:
            await prepare(self.folder, Databases(self.database_url, state, VENDOR_PORT), executor)

    @property
    def database_pids(self) -> list[int]:
        assert self.postgres.pid is not None
        return family(self.postgres.pid)

    def environment(self) -> dict[str, str]:
        """How the peers reach the database and the vendor; node's pg wants the parts of the address."""
        return (
            os.environ
            | peer_variables(self.database_url, POOL)
            | {"DATABASE_URL": self.database_url, "VENDOR_URL": f"http://127.0.0.1:{VENDOR_PORT}"}
        )

    @contextmanager
    def running(self, peer: Peer) -> Iterator[Running]:
        """The server on its core, once it answers; killed at the end."""
        log = (self.folder / f"{peer.name}.log").open("wb")
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *peer.command],
            cwd=peer.folder,
            env=self.environment() | {"PORT": str(peer.port)} | dict(peer.variables),
            stdout=log,
            stderr=log,
        )
        running = Running(peer, process)
        try:
            self._await_start(running)
            yield running
        finally:
            process.kill()
            process.wait()
            log.close()

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
                time.sleep(0.02)
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


def vendor(folder: Path, port: int = VENDOR_PORT) -> subprocess.Popen[bytes]:
    """Compiles and starts the vendor's stand-in."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("The bench needs a C compiler for the vendor's stand-in: apt-get install gcc libc6-dev")
    program = folder / "vendor"
    subprocess.run([compiler, "-O2", "-o", str(program), str(HERE / "stub" / "vendor.c")], check=True)
    return subprocess.Popen(["taskset", "-c", str(OTHER_CORE), str(program), str(port)])


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
        pin(here.database_pids, OTHER_CORE)
        stand_in = vendor(folder)
        try:
            yield here
        finally:
            stand_in.kill()
            await asyncio.to_thread(stand_in.wait)
