# ruff: noqa: ASYNC240 looking at a local file keeps no other task waiting
import asyncio
import os
import signal
import stat
from pathlib import Path

import asyncpg
import pytest

from sandbox import launch_identity
from sandbox.postgres import Postgres
from sandbox.postgres_cluster import PostgresError
from sandbox.postgres_lock import DataFolderInUseError

pytestmark = pytest.mark.anyio

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


def running(data: Path) -> list[int]:
    """Living processes that have anything of this folder open or on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(data / "postgres") in (entry / "cwd").readlink().as_posix():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


async def ask(url: str, question: str):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def home(pg: Postgres) -> str:
    return pg.url_of("sandbox", "postgres")


async def test_a_second_start_finds_what_the_first_wrote(tmp_path):
    async with Postgres(tmp_path) as first:
        await ask(home(first), "CREATE TABLE kept AS SELECT 41 AS number")

    async with Postgres(tmp_path) as second:
        assert await ask(home(second), "SELECT number FROM kept") == 41
    assert running(tmp_path) == []


@pytest.mark.parametrize("mode", ["fast", "immediate", "kill"])
async def test_a_restart_keeps_data_and_addresses(tmp_path, mode):
    async with Postgres(tmp_path) as pg:
        url, pid = home(pg), pg.pid
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS number")

        await pg.restart(mode)

        assert await ask(url, "SELECT number FROM kept") == 42
        assert home(pg) == url
        assert pg.pid != pid


async def test_a_stopped_server_refuses_and_starts_again(tmp_path):
    async with Postgres(tmp_path) as pg:
        await pg.stop("immediate")

        with pytest.raises((ConnectionError, FileNotFoundError)):
            await ask(home(pg), "SELECT 1")
        await pg.start()
        assert await ask(home(pg), "SELECT 1") == 1


async def test_a_second_start_on_the_same_folder_is_refused(tmp_path):
    async with Postgres(tmp_path) as first:
        with pytest.raises(DataFolderInUseError, match=f"{tmp_path} is in use by process {os.getpid()}"):
            await Postgres(tmp_path).__aenter__()

        assert await ask(home(first), "SELECT 1") == 1


async def test_both_ways_in_ask_for_the_password(tmp_path):
    async with Postgres(tmp_path) as pg:
        right, wrong = pg.password_of("sandbox"), "0" * 32
        assert right != wrong

        for url in (home(pg), pg.tcp_url_of("sandbox", "postgres")):
            assert await ask(url, "SELECT current_user") == "sandbox"
            with pytest.raises(asyncpg.InvalidPasswordError):
                await ask(url.replace(right, wrong), "SELECT 1")


async def test_it_listens_on_loopback_and_a_private_socket_only(tmp_path):
    async with Postgres(tmp_path) as pg:
        assert await ask(home(pg), "SHOW listen_addresses") == "127.0.0.1"
        folder = Path(await ask(home(pg), "SHOW unix_socket_directories"))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    assert not folder.exists()


async def test_a_socket_whose_path_would_be_too_long_lives_elsewhere(tmp_path):
    data = tmp_path / ("long" * 25)

    async with Postgres(data) as pg:
        assert await ask(home(pg), "SELECT 1") == 1
        folder = Path(await ask(home(pg), "SHOW unix_socket_directories"))
        assert not folder.is_relative_to(tmp_path)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    assert not folder.exists()


async def test_what_a_killed_start_left_elsewhere_is_taken_away(tmp_path):
    data = tmp_path / ("long" * 25)
    left = tmp_path / "left"
    left.mkdir()
    data.mkdir()
    (data / "sockets.elsewhere").write_text(str(left))

    async with Postgres(data):
        assert not left.exists()


async def test_texts_are_compared_by_code_point_and_lowered_in_every_script(tmp_path):
    async with Postgres(tmp_path) as pg:
        assert await ask(home(pg), "SELECT lower('ÄÖШ') || ('Z' < 'a')") == "äöшtrue"
        assert await ask(home(pg), "SELECT datlocprovider FROM pg_database WHERE datname = 'postgres'") == b"b"


async def test_no_folder_is_opened_and_no_user_made(tmp_path):
    data = tmp_path / "private" / "data"
    data.mkdir(parents=True)
    data.parent.chmod(0o700)
    watched = [Path("/etc/passwd"), Path("/etc/group"), data, *data.parents, *launch_identity.binaries().parents]
    before = {path: (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched}
    users = Path("/etc/passwd").read_bytes()

    async with Postgres(data) as pg:
        assert await ask(home(pg), "SELECT 1") == 1

    assert {path: (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched} == before
    assert Path("/etc/passwd").read_bytes() == users


async def test_secrets_and_logs_are_for_their_owner_alone(tmp_path):
    async with Postgres(tmp_path):
        names = ("postgres", "postgres.secret", "postgres.log", "lock")
        modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names}

    assert modes == {"postgres": 0o700, "postgres.secret": 0o600, "postgres.log": 0o600, "lock": 0o600}


async def test_the_environment_of_the_starting_shell_changes_nothing(tmp_path, monkeypatch):
    for name, value in {"PGDATA": "/nowhere", "PGPORT": "1", "PGTZ": "Asia/Tokyo", "LC_ALL": "xx_YY.UTF-8"}.items():
        monkeypatch.setenv(name, value)

    async with Postgres(tmp_path) as pg:
        url = pg.url_of("sandbox", "postgres")
        monkeypatch.delenv("PGPORT")
        assert await ask(url, "SHOW timezone") == "UTC"


async def test_a_first_start_that_was_killed_half_way_is_made_anew(tmp_path):
    (tmp_path / "postgres.new" / "base").mkdir(parents=True)
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18")

    async with Postgres(tmp_path) as pg:
        assert await ask(home(pg), "SELECT 1") == 1

    assert not (tmp_path / "postgres.new").exists()


async def test_a_server_that_does_not_start_says_why_and_lets_go(tmp_path):
    async with Postgres(tmp_path):
        pass
    (tmp_path / "postgres" / "PG_VERSION").write_text("9.6\n")

    with pytest.raises(PostgresError, match=r"initialized by PostgreSQL version 9\.6"):
        await Postgres(tmp_path).__aenter__()

    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")
    async with Postgres(tmp_path) as pg:
        assert await ask(home(pg), "SELECT 1") == 1


@as_root
@pytest.mark.parametrize("identity", ["namespace", "nobody"])
async def test_root_becomes_another_user(tmp_path, monkeypatch, identity):
    monkeypatch.setattr(launch_identity, "ROOT_BECOMES", (identity,))

    try:
        async with Postgres(tmp_path) as pg:
            user = Path(f"/proc/{pg.pid}/status").read_text().split("Uid:\t")[1].split()[0]
            assert pg.identity == identity
            assert await ask(home(pg), "SELECT 1") == 1
    except launch_identity.NoIdentityError:
        pytest.skip("this machine forbids it")

    assert user == {"namespace": "0", "nobody": "65534"}[identity]


@as_root
async def test_a_folder_made_by_one_identity_serves_the_other(tmp_path, monkeypatch):
    for identity in ("nobody", "namespace", "nobody"):
        monkeypatch.setattr(launch_identity, "ROOT_BECOMES", (identity,))
        try:
            async with Postgres(tmp_path) as pg:
                assert await ask(home(pg), "SELECT 1") == 1
        except launch_identity.NoIdentityError:
            pytest.skip("this machine forbids it")


@as_root
async def test_root_without_another_identity_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr(launch_identity, "ROOT_BECOMES", ("plain-nobody",))
    tmp_path.chmod(0o700)

    with pytest.raises(launch_identity.NoIdentityError, match="this user may not enter the folder"):
        await Postgres(tmp_path).__aenter__()


async def test_stopping_waits_for_no_session(tmp_path):
    async with Postgres(tmp_path) as pg:
        connection = await asyncpg.connect(home(pg))
        busy = asyncio.ensure_future(connection.execute("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.1)
        pid = pg.pid

    with pytest.raises((asyncpg.PostgresError, ConnectionError)):
        await busy
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIG_DFL)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_o17_the_message_names_the_folder_that_the_other_user_may_not_enter(tmp_path):
    closed, data = tmp_path / "closed", tmp_path / "data"
    for folder in (closed, data):
        folder.mkdir(mode=0o700)
    launch_identity.give(data, "plain-nobody")
    command = launch_identity.launched("plain-nobody", data, [str(closed / "postgres")], signal.SIGKILL)

    done = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, complaint = await done.communicate()

    assert complaint.decode().startswith("launch: plain-nobody: this user may not enter the folder ")
    assert complaint.decode().split()[-1] in map(str, (closed, *closed.parents))
    assert done.returncode != 0
