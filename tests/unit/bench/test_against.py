"""bench/run.py --against: what is compared, and how the other commit is made ready."""

import sys
from importlib import import_module
from pathlib import Path

import anyio
import asyncpg
import pytest

HOUSE = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def against():
    path = list(sys.path)
    sys.path.insert(0, str(HOUSE / "bench"))
    yield import_module("against")
    sys.path[:] = path


def rounds(*figures: tuple[float, float]) -> list[dict[str, float]]:
    return [{"rps": rps, "server_cpu_ms": cpu} for rps, cpu in figures]


def test_a_difference_is_the_median_of_the_ratios_of_rounds(against):
    this, other = rounds((110, 1.0), (300, 1.0), (90, 1.0)), rounds((100, 2.0), (200, 1.0), (100, 0.5))

    found = against.differences({"D": {"this": this, "other": other}})

    assert [(one.shape, one.figure, one.ratios) for one in found] == [
        ("D", "answers/s", (1.1, 1.5, 0.9)),
        ("D", "server CPU ms", (0.5, 1.0, 2.0)),
    ]
    assert [round(one.percent, 6) for one in found] == [10.0, 0.0]


def test_fewer_answers_and_more_processor_time_are_worse(against):
    found = against.differences({"D": {"this": rounds((90, 1.2)), "other": rounds((100, 1.0))}})

    assert [round(one.worse, 6) for one in found] == [10.0, 20.0]


def test_the_table_shows_each_figure_with_its_smallest_and_largest_round(against):
    found = against.differences({"L": {"this": rounds((90, 1), (120, 1)), "other": rounds((100, 1), (100, 1))}})

    _, line, _ = against.table(found).splitlines()

    assert line.split() == ["L", "answers/s", "105.00", "100.00", "+5.0", "%", "-10.0", "..", "+20.0", "%"]


def test_an_unknown_commit_ends_the_run_with_its_name(against):
    with pytest.raises(SystemExit, match="git knows no commit no-such-commit"), against.checked_out("no-such-commit"):
        pass


def test_packages_are_reused_where_the_locks_are_equal_and_installed_where_not(against, tmp_path):
    lock, script = tmp_path / "requirements.lock", tmp_path / "scripts" / "environment.sh"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\ntouch installed\n")
    script.chmod(0o755)

    lock.write_bytes((HOUSE / "requirements.lock").read_bytes())
    same = against.python_of(tmp_path), (tmp_path / "installed").exists()
    lock.write_text("another==1\n")
    other = against.python_of(tmp_path), (tmp_path / "installed").exists()

    assert same == (sys.executable, False)
    assert other == (str(tmp_path / ".venv" / "bin" / "python"), True)


@pytest.mark.anyio
async def test_a_commit_prepares_its_own_server(against, database, box, tmp_path):
    await database.execute("DROP DATABASE IF EXISTS bench_state WITH (FORCE)")
    await database.execute("CREATE DATABASE bench_state")
    state = box.database_url.replace("/brokergraph?", "/bench_state?")
    assert state != box.database_url

    databases = {"erp": box.database_url, "state": state, "vendor": 18_700}
    ready = against.prepared(HOUSE, sys.executable, tmp_path, databases)

    assert ready["key"] == "demo-operator"
    shown = await anyio.run_process([sys.executable, *ready["arguments"], "--help"], cwd=HOUSE)
    assert b"--port" in shown.stdout
    assert ready["arguments"][-1] == str(tmp_path / "engine.toml")
    assert (tmp_path / "engine.toml").stat().st_mode & 0o077 == 0
    connection = await asyncpg.connect(state)
    keys = await connection.fetchval("SELECT count(*) FROM brokergraph.api_key WHERE id = 'demo-operator'")
    await connection.close()
    assert keys == 1
