"""A primary and its streaming replica, with the server of Debian."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.launch_identity import OTHER_BINARIES
from sandbox.postgres import Postgres
from sandbox.processes import children_of
from upstreams.check.version import OLDEST

BINARIES = Path(f"/usr/lib/postgresql/{OLDEST}/bin")


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
