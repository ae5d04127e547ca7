# ruff: noqa: ASYNC240 only the kernel knows when a process is gone; local files keep no task waiting
"""However its owner dies, no server stays behind."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from sandbox import launch_identity
from sandbox.postgres import Postgres
from sandbox.processes import family_of, gone

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
OWNER = """
import asyncio, os, signal, sys
from pathlib import Path
from sandbox.postgres import Postgres

# A shell starts its background jobs with SIGINT ignored, and a child inherits this.
signal.signal(signal.SIGINT, signal.default_int_handler)

async def main():
    async with Postgres(Path(sys.argv[1])) as pg:
        print(pg.identity, os.geteuid(), pg.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def owner_of(data: Path, *head: str):
    command = [*head, sys.executable, "-c", OWNER, str(data)]
    owner = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    identity, user, pid = (await asyncio.wait_for(owner.stdout.readline(), 30)).decode().split()
    return owner, identity, int(user), int(pid)


async def whole_family_of(server: int):
    """PostgreSQL answers before it has started the last of its helpers."""
    for _ in range(200):
        if len(family := family_of(server)) > 3:
            break
        await asyncio.sleep(0.05)
    return family


@pytest.mark.parametrize("death", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_the_server_dies_with_its_owner(tmp_path, death):
    owner, _, _, server = await owner_of(tmp_path)
    family = await whole_family_of(server)
    assert len(family) > 3

    owner.send_signal(death)
    await owner.wait()

    assert await gone(family, within_seconds=20) == []


async def test_what_was_committed_before_the_kill_is_there_after_it(tmp_path):
    owner, _, _, server = await owner_of(tmp_path)
    note = (tmp_path / "postgres" / "postmaster.pid").read_text().splitlines()
    port, sockets = note[3], note[4]
    password = _password(tmp_path)
    connection = await asyncpg.connect(f"postgresql://sandbox:{password}@/postgres?host={sockets}&port={port}")
    await connection.execute("CREATE TABLE kept AS SELECT 43 AS number")

    os.kill(server, signal.SIGSTOP)
    owner.kill()
    await owner.wait()
    connection.terminate()

    # The old server is slow to go: the next start waits for it, and clears its socket's folder away.
    pg = Postgres(tmp_path)
    start = asyncio.ensure_future(pg.__aenter__())
    await asyncio.sleep(0.5)
    assert not start.done()
    os.kill(server, signal.SIGCONT)
    await start
    connection = await asyncpg.connect(pg.url_of("sandbox", "postgres"))
    assert await connection.fetchval("SELECT number FROM kept") == 43
    await connection.close()
    await pg.__aexit__(None, None, None)
    assert not Path(sockets).exists()


def _password(data: Path) -> str:
    pg = Postgres(data)
    pg._cluster._secret = (data / "postgres.secret").read_text()  # noqa: SLF001
    return pg.password_of("sandbox")


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs all the other tests already")
async def test_an_ordinary_user_needs_no_other_identity(tmp_path):
    launch_identity.give(tmp_path, "nobody")
    head = launch_identity.launched("nobody", tmp_path, [], signal.SIGKILL)

    owner, identity, user, server = await owner_of(tmp_path, *head)
    family = family_of(server)
    owner.kill()
    await owner.wait()

    assert (identity, user) == ("self", 65534)
    assert await gone(family, within_seconds=20) == []
