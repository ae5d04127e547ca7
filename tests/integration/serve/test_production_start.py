import json
import re
import signal
import socket
import subprocess
import sys
from importlib.metadata import version
from types import SimpleNamespace

import pytest
from support.served import HOUSE, QUERY, descendants, execute, left_alive, query, serving

from api.cli.listening import address_of
from upstreams.postgres.migrate import migrations


def test_it_serves_beside_databases_and_vendors_that_it_did_not_start(acme):
    with serving(acme.operator) as served:
        answer = served.ask(QUERY, acme.key)
        readiness = served.get("/readyz")
        stopped = served.stop()

    assert "errors" not in answer
    assert answer["data"]["client"]["totalFloatingBalance"] == {"amount": "72888.65", "currency": "ILS"}
    assert readiness[0] == 200
    assert stopped == 0


def test_our_schema_lives_where_the_state_is_and_the_erp_keeps_clean(acme):
    tables = query(acme.state, "SELECT tablename FROM pg_tables WHERE schemaname = 'brokergraph'")
    views = query(acme.state, "SELECT viewname FROM pg_views WHERE schemaname = 'brokergraph_erp'")

    assert {"instruction", "api_key", "migration"} <= {row["tablename"] for row in tables}
    assert views == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_also_while_callers_hold_connections(acme, number):
    with serving(acme.operator) as served:
        served.ask(QUERY, acme.key)
        with socket.create_connection(("127.0.0.1", int(served.address.rpartition(":")[2]))):
            stopped = served.stop(number)

    assert stopped == 0


def test_workers_share_the_port_and_end_together(acme):
    with serving(acme.operator, "--workers", "2") as served:
        answers = [served.ask(QUERY, acme.key)["data"]["client"]["totalFloatingBalance"]["amount"] for _ in range(8)]
        workers = descendants(served.process.pid)
        stopped = served.stop()

    assert answers == ["72888.65"] * 8
    assert len(workers) >= 2
    assert stopped == 0
    assert left_alive(workers) == set()


def test_the_images_health_check_tells_the_living_from_the_dead(acme):
    dockerfile = (HOUSE / "docker/Dockerfile").read_text()
    command = json.loads(re.search(r"CMD (\[.*livez.*\])", dockerfile)[1])

    def healthy(port: str) -> bool:
        check = command[2].replace("8000", port)
        return subprocess.run([sys.executable, "-c", check], capture_output=True, check=False).returncode == 0

    with serving(acme.operator) as served:
        port = served.address.rpartition(":")[2]
        assert healthy(port)
        served.stop()

    assert not healthy(port)


@pytest.mark.parametrize("words", [(), ("--workers", "2")])
def test_it_says_once_where_it_listens_and_what_it_is(acme, words):
    with serving(acme.operator, *words) as served:
        served.stop()
        written = served.process.communicate()[1]

    [line] = [json.loads(line) for line in written.splitlines() if "serve.listening" in line]
    said = {name: line[name] for name in ("address", "version", "workers", "level")}
    expected = {"address": served.address, "version": version("brokergraph"), "workers": len(words) or 1}
    assert said == expected | {"level": "info"}


@pytest.mark.parametrize(
    "name, address", [(("10.0.0.1", 80), "http://10.0.0.1:80"), (("::1", 8000, 0, 0), "http://[::1]:8000")]
)
def test_an_address_is_written_as_a_browser_takes_it(name, address):
    assert address_of(SimpleNamespace(getsockname=lambda: name)) == address


def test_a_taken_port_is_said_at_once(acme):
    with serving(acme.operator) as served:
        port = served.address.rpartition(":")[2]
        second = acme.operator.run("serve", "--port", port)

    assert second.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}: it is in use" in second.stderr


def test_the_second_migrate_finds_nothing_to_do(operator):
    first, second = operator.run("migrate"), operator.run_here("migrate")

    names = [migration.name for migration in migrations()]
    assert first.stdout.splitlines() == [*(f"applied {name}" for name in names), "The schema is up to date."]
    assert second.stdout.splitlines() == ["The schema is up to date."]
    assert (first.returncode, second.exit_code) == (0, 0)


def test_replicas_that_migrate_at_once_apply_each_file_once(operator):
    started = [operator.start("migrate") for _ in range(4)]
    ended = [child.communicate(timeout=60) for child in started]

    assert [child.returncode for child in started] == [0] * 4, ended
    applied = [line for out, _ in ended for line in out.splitlines() if line.startswith("applied ")]
    assert sorted(applied) == [f"applied {migration.name}" for migration in migrations()]


def test_a_migration_that_was_changed_is_refused_and_named(operator):
    name = next(migrations()).name
    state = operator.variables["BROKERGRAPH_STATE__DATABASE_URL"]
    operator.run_here("migrate")
    execute(state, "UPDATE brokergraph.migration SET checksum = 'other' WHERE name = $1", name)

    refused, checked = operator.run("migrate"), operator.run_here("check")

    assert refused.returncode == 1
    assert f"migration {name}: it was applied with another text" in refused.stderr
    assert checked.exit_code == 1
    assert f"WRONG schema brokergraph: migration {name} was applied with another text" in checked.stdout
