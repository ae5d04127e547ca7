"""PgBouncer in transaction mode, before databases of the sandbox."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from support.served import free_port, program, query

PATIENCE_SECONDS = 15


@contextmanager
def bouncing(folder: Path, connections: int, **databases: str) -> Iterator[dict[str, str]]:
    """The addresses of these databases behind it."""
    path = program("pgbouncer")
    if path is None:
        pytest.skip("pgbouncer is not installed here: apt-get install pgbouncer")
    port = free_port()
    (folder / "pgbouncer.ini").write_text(configuration(port, connections, **databases))
    # It refuses to run as root, so that root gets another identity.
    disguise = ["unshare", "--user", "--map-user=65534", "--map-group=65534"] if os.getuid() == 0 else []
    child = subprocess.Popen([*disguise, path, "--quiet", folder / "pgbouncer.ini"], stderr=subprocess.PIPE)
    try:
        wait(child, f"postgresql://anybody@127.0.0.1:{port}/{next(iter(databases))}")
        yield {name: f"postgresql://anybody@127.0.0.1:{port}/{name}" for name in databases}
    finally:
        child.kill()
        child.communicate()


def configuration(port: int, connections: int, **databases: str) -> str:
    lines = [f"{name} = {upstream(url)}" for name, url in databases.items()]
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": connections,
    }
    return "\n".join(
        ["[databases]", *lines, "[pgbouncer]", *(f"{name} = {value}" for name, value in settings.items()), ""]
    )


def upstream(url: str) -> str:
    parts = urlsplit(url)
    where = {name: values[0] for name, values in parse_qs(parts.query).items()}
    who = f"dbname={parts.path[1:]} user={parts.username} password={parts.password}"
    return f"host={where['host']} port={where['port']} {who}"


def wait(child: subprocess.Popen, url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            query(url, "SELECT 1", fetch=False)
        except OSError:
            if child.poll() is not None or time.monotonic() > deadline:
                child.kill()
                raise RuntimeError(f"pgbouncer did not start: {child.communicate()}") from None
            time.sleep(0.05)
        else:
            return
