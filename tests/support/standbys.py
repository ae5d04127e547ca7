"""A primary and its streaming replica, with the server of Debian."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from sandbox.launch_identity import OTHER_BINARIES
from sandbox.postgres import Postgres
from sandbox.processes import children_of
from sandbox.settings import SANDBOX_ROLE
from support.polling import until
from upstreams.check.version import OLDEST

BINARIES = Path(f"/usr/lib/postgresql/{OLDEST}/bin")

SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"


@contextmanager
def debians_postgresql() -> Iterator[str]:
    """The sandbox's launcher starts this server in the body."""
    if not (BINARIES / "pg_basebackup").is_file():
        pytest.skip(f"PostgreSQL {OLDEST} is not installed here: apt-get install postgresql-{OLDEST}")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(OTHER_BINARIES, str(BINARIES))
        yield str(BINARIES)


def standby_of(primary: Path, url: str, data: Path) -> Postgres:
    """A replica of the cluster in the data folder `primary`. `url` is the address of the primary. It is not started."""
    data.mkdir()
    shutil.copy(primary / "postgres.secret", data)
    folder = data / "postgres"
    command = [BINARIES / "pg_basebackup", "-d", f"{url}&application_name=standby", "-D", folder]
    subprocess.run([*command, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"], check=True)
    return Postgres(data, durable=False)


def signal_all(server: Postgres, number: signal.Signals) -> None:
    """Send a signal to all processes of a server, as for a machine that hangs or dies."""
    for pid in (server.pid, *children_of(server.pid)):
        os.kill(pid, number)


@dataclass
class StandbyPair:
    """A primary with a synchronous standby, and an empty database."""

    primary: Postgres
    standby: Postgres

    @property
    def url(self) -> str:
        """The address of the server that takes writes."""
        user, _, place = self.primary.tcp_url_of(SANDBOX_ROLE, "postgres").partition("@")
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"{user}@{hosts}/{place.partition('/')[2]}?target_session_attrs=read-write"

    @property
    def replica_url(self) -> str:
        return self.standby.tcp_url_of(SANDBOX_ROLE, "postgres")

    async def fail_over(self) -> None:
        """The primary dies as with its machine, and the standby takes its place."""
        signal_all(self.primary, signal.SIGKILL)
        connection = await asyncpg.connect(self.replica_url)
        try:
            assert await connection.fetchval("SELECT pg_promote()")
        finally:
            await connection.close()


@asynccontextmanager
async def standby_pair(folder: Path) -> AsyncIterator[StandbyPair]:
    async with Postgres(folder / "primary", durable=False) as primary:
        url = primary.url_of(SANDBOX_ROLE, "postgres")
        standby = await asyncio.to_thread(standby_of, folder / "primary", url, folder / "standby")
        async with standby:
            connection = await asyncpg.connect(url)
            await connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
            await connection.execute("SELECT pg_reload_conf()")
            await until(
                lambda: connection.fetchval("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
            )
            await connection.close()
            yield StandbyPair(primary, standby)
