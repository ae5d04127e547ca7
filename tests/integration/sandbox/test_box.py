# ruff: noqa: ASYNC110, ASYNC240 only the kernel knows when a process is gone; local files keep no task waiting
"""The box as its users start it: a process of its own."""

import asyncio
import json
import os
import signal
import stat
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import msgspec
import pytest

from sandbox import settings
from sandbox.processes import family_of, gone
from upstreams.http.tls import pinned_context
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.registry import all_vendors

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "sandbox", "--die-with-parent", *sys.argv[1:]])
print(child.pid, flush=True)
time.sleep(600)
"""


class Started:
    """A box in a process that the test may kill."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, *options: str) -> dict:
        command = [sys.executable, "-m", "sandbox", "--data", str(self.data), "--not-durable", *options]
        self.process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
        return await ready(self.data, self.process)

    async def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        await self.process.communicate()
        return self.process.returncode


async def ready(data: Path, process: asyncio.subprocess.Process) -> dict:
    deadline = time.monotonic() + 60
    while not (data / "ready.json").exists():
        assert process.returncode is None, (await process.communicate())[1].decode()
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    return json.loads((data / "ready.json").read_text())


@pytest.fixture
async def started(tmp_path) -> AsyncIterator[Started]:
    box = Started(tmp_path / "data")
    yield box
    if box.process is not None and box.process.returncode is None:
        await box.stop(signal.SIGKILL)


def status_of(url: str) -> int:
    try:
        # A certificate of the sandbox is self-signed, and the settings have its fingerprint.
        with urllib.request.urlopen(url, timeout=10, context=pinned_context()) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


async def test_everything_that_it_names_answers(box):
    names = {"hyper", "cplugin", "cplugin_auth", "broker_work", "broctagon", "mt5_web"}

    assert set(box.urls) == names
    assert set(box.control_urls) == {*names, "box"}
    for name, url in (*box.urls.items(), *box.control_urls.items()):
        assert url.startswith("https://127.0.0.1:" if url == box.urls["mt5_web"] else "http://127.0.0.1:"), name
        assert 400 <= status_of(f"{url}/nothing-here") < 500
    connection = await asyncpg.connect(box.graph_database_url)
    assert await connection.fetchval("SELECT current_user || count(*) FROM brokergraph_erp.client") == "brokergraph311"
    await connection.close()


async def test_the_settings_file_says_what_the_graph_must_know(box):
    found = tomllib.loads(box.settings_path.read_text())

    assert stat.S_IMODE(box.settings_path.stat().st_mode) == 0o600
    assert found["erp"] == {"database_url": box.graph_database_url, "accounting_currency": "ILS"}
    assert found["state"] == {"database_url": box.graph_database_url}
    assert {name: found[name]["url"] for name in ("hyper", "broctagon")} == {
        name: box.urls[name] for name in ("hyper", "broctagon")
    }
    assert {name: part["api"] for name, part in found["cplugin"].items()} == {"main": "v2", "legacy": "v1"}
    assert found["cplugin"]["main"]["auth_url"] == box.urls["cplugin_auth"]
    assert found["servers"]["R1"] == {
        "platform": "MT4",
        "adapter": "cplugin",
        "connection": "main",
        "id": "0b6f2a54-5b0e-4f0c-9d0e-52c1e9a7d101",
        "timezone": "Europe/Athens",
        "deposits": True,
        "withdrawals": True,
        "groups": ["Basic_IL2", "Basic_EU", "Pro_IL"],
    }
    assert [name for name, server in found["servers"].items() if server["deposits"]] == ["R1", "R3", "A1", "M1"]


async def test_the_settings_file_has_the_graph_s_own_field_names(box):
    found = tomllib.loads(box.settings_path.read_text())
    sections = [(section, ServerConfig) for section in found["servers"].values()]
    for name, vendor in all_vendors().items():
        sections += [(one, vendor.Config) for one in ([found[name]] if vendor.is_single else found[name].values())]

    for section, kind in sections:
        fields = msgspec.structs.fields(kind)
        assert set(section) <= {field.name for field in fields}
        assert {field.name for field in fields if field.required} <= set(section)
    assert {len(found["hyper"][token]) for token in ("access_token", "refresh_token")} == {120, 200}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_stop_it_leaves_nothing(started, number):
    facts = await started.start("--clients", "5")
    members = family_of(started.process.pid)
    assert len(members) > 4

    assert await started.stop(number) == 0

    assert await gone(members, within_seconds=20) == []
    assert not (started.data / "ready.json").exists()
    assert not Path(facts["database_url"].split("host=")[1].split("&")[0].replace("%2F", "/")).exists()


async def test_killed_it_leaves_nothing_but_its_data(started):
    facts = await started.start("--clients", "5")
    connection = await asyncpg.connect(facts["database_url"])
    await connection.execute("INSERT INTO platform.deal VALUES ('R1', 1, 61436, 'Balance', 10, 'kept', now())")
    await connection.close()
    members = family_of(started.process.pid)

    await started.stop(signal.SIGKILL)
    assert await gone(members, within_seconds=20) == []

    # The leftover must not be taken for the new start's word.
    (started.data / "ready.json").unlink()
    facts = await started.start()
    connection = await asyncpg.connect(facts["database_url"])
    assert await connection.fetchval("SELECT comment FROM platform.deal WHERE ticket = 1") == "kept"
    await connection.close()


async def test_it_dies_with_its_parent_when_asked(tmp_path):
    data = tmp_path / "data"
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, "--data", str(data), "--clients", "5", "--not-durable"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=ROOT,
    )
    child = int(await parent.stdout.readline())
    await ready(data, parent)
    members = family_of(child)

    parent.kill()
    await parent.communicate()

    assert await gone(members, within_seconds=20) == []
    assert not (data / "ready.json").exists()


async def test_told_to_stop_while_loading_it_stops(started):
    command = [sys.executable, "-m", "sandbox", "--data", str(started.data), "--not-durable", "--clients", "1000000"]
    started.process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    while not (started.data / "postgres").exists():
        await asyncio.sleep(0.02)
    await asyncio.sleep(1)
    members = family_of(started.process.pid)

    assert await started.stop(signal.SIGTERM) == 0

    assert await gone(members, within_seconds=20) == []


async def complaint(*options: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", *options), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, text = await process.communicate()
    # The steps of the start come before.
    return process.returncode, text.decode().splitlines()[-1]


async def test_a_second_box_on_the_same_folder_is_refused_with_the_first_ones_process(started):
    await started.start("--clients", "5")

    code, text = await complaint("--data", str(started.data))

    assert code == 1
    assert text == (
        f"Error: The data folder {started.data} is in use by process {started.process.pid}:"
        " stop it, or choose another folder"
    )


async def test_another_number_of_clients_needs_a_word(started):
    await started.start("--clients", "5")
    await started.stop(signal.SIGTERM)

    assert await complaint("--data", str(started.data), "--clients", "6") == (
        1,
        "Error: The data folder has 5 clients, not 6: start with --fresh to reload",
    )
    facts = await started.start("--clients", "6", "--fresh")
    connection = await asyncpg.connect(facts["database_url"])
    assert await connection.fetchval("SELECT count(*) FROM hyper.clients WHERE client_number > 600000") == 6
    await connection.close()


async def test_control_ports_are_shut_unless_asked_for(started):
    assert (await started.start("--clients", "5"))["control_urls"] == {}


async def test_ports_follow_the_base(started, free_base):
    facts = await started.start("--clients", "5", "--control", "--port-base", str(free_base))

    ports = {name: int(url.rsplit(":", 1)[1]) - free_base for name, url in facts["urls"].items()}
    controls = {name: int(url.rsplit(":", 1)[1]) - free_base for name, url in facts["control_urls"].items()}
    assert sorted(ports.values()) == [0, 1, 2, 3, 4, 5]
    assert controls == {name: port + 10 for name, port in ports.items()} | {"box": 16}


@pytest.fixture
def free_base():
    """Below the range that the system hands out, so that only another test's base could be in the way."""
    return 20_000 + os.getpid() % 1000 * 10


async def test_the_database_dies_and_returns_at_the_same_address(well_behaved, database):
    assert await database.fetchval("SELECT 1") == 1

    well_behaved.tell("box", "/database/stop?mode=immediate")
    with pytest.raises((ConnectionError, FileNotFoundError)):
        await asyncpg.connect(well_behaved.database_url)
    with pytest.raises((ConnectionError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await database.fetchval("SELECT 1")
    well_behaved.tell("box", "/database/start")

    again = await asyncpg.connect(well_behaved.database_url)
    assert await again.fetchval("SELECT count(*) FROM hyper.clients WHERE client_number = 500608") == 1
    await again.close()


async def test_a_hyper_account_and_its_figures_reach_the_erp(well_behaved, database):
    well_behaved.tell("box", "/synchroniser/pause")
    await database.execute("UPDATE platform.account SET floating = floating + 1 WHERE server = 'R3' AND login = 81001")
    question = "SELECT equity FROM brokergraph_erp.trading_account WHERE server = 'R3' AND login = '81001'"
    before = await database.fetchval(question)

    assert well_behaved.tell("box", "/synchronise")["copied"] == 1

    assert await database.fetchval(question) == before + 1


def test_credentials_have_the_documented_lengths():
    assert len(settings.HYPER_ACCESS_TOKEN) == 120
    assert len(settings.HYPER_REFRESH_TOKEN) == 200
    assert len({settings.HYPER_ACCESS_TOKEN, settings.HYPER_REFRESH_TOKEN[:120]}) == 2
