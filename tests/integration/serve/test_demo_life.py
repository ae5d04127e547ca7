"""However the demo ends, nothing of it is left."""

import json
import re
import signal
import urllib.request

import pytest
from support.served import PROGRAM, QUERY, Operator, descendants, free_port, left_alive, serving


@pytest.fixture
def nobody(tmp_path) -> Operator:
    """An operator without a settings file."""
    return Operator(tmp_path / "none.toml")


@pytest.mark.parametrize("number,code", [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_the_demo_answers_and_leaves_no_process_behind(nobody, tmp_path, number, code):
    data = tmp_path / "data"

    with serving(nobody, "--data", str(data), "--clients", "20", command="demo", cwd=tmp_path) as served:
        answer = served.ask(QUERY, "demo-operator")
        family = descendants(served.process.pid)
        stopped = served.stop(number)
        left = left_alive(family)

    assert answer["data"]["client"]["totalFloatingBalance"] == {"amount": "72888.65", "currency": "ILS"}
    assert len(family) >= 2
    assert stopped == code
    assert left == set()


def test_a_taken_port_is_said_before_anything_is_started(nobody, tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]
        done = nobody.run("demo", "--port", str(port), "--data", str(tmp_path / "data"))

    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}: it is in use. Choose another port" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_second_demo_in_the_same_folder_leaves_the_first_alone(nobody, tmp_path):
    data = tmp_path / "data"
    with serving(nobody, "--data", str(data), "--clients", "0", command="demo", cwd=tmp_path) as served:
        ready = (data / "ready.json").read_text()
        second = nobody.run("demo", "--port", str(free_port()), "--data", str(data))
        after = (data / "ready.json").read_text()
        answer = served.ask("{ viewer { name } }", "demo-operator")

    assert second.returncode == 1
    assert "is in use by process" in second.stderr
    assert after == ready
    assert answer["data"]["viewer"]["name"] == "demo-operator"


DEPOSIT = """mutation {{ deposit(input: {{ account: {{ account: {{ server: "{0}", login: "{1}" }} }}, amount: "25.50",
  currency: USD, idempotencyKey: "banner-{0}" }}) {{ __typename }} }}"""


def test_the_banner_names_payable_accounts_and_control_addresses_and_pages_of_an_origin_may_call(nobody, tmp_path):
    words = ["--data", str(tmp_path / "data"), "--clients", "0", "--control", "--cors-origin", "http://localhost:5173"]

    with serving(nobody, *words, command="demo", cwd=tmp_path) as served:
        names = [("demo-operator", "R1", "61436"), ("demo-partner", "A1", "71001")]
        paid = [served.ask(DEPOSIT.format(*account), key) for key, *account in names]
        request = urllib.request.Request(f"{served.address}/graphql", headers={"Origin": "http://localhost:5173"})
        request.method = "OPTIONS"
        request.add_header("Access-Control-Request-Method", "POST")
        with urllib.request.urlopen(request) as answer:
            allowed = answer.headers["Access-Control-Allow-Origin"]
        ready = json.loads((tmp_path / "data" / "ready.json").read_text())
        served.stop()
        banner, steps = served.process.communicate()

    assert [one["data"]["deposit"]["__typename"] for one in paid] == ["DepositConfirmed"] * 2
    assert allowed == "http://localhost:5173"
    assert f"BROKERGRAPH_KEY=demo-operator {PROGRAM} query --url {served.address}/graphql" in banner
    for key, server, login in names:
        assert re.search(rf"{key} .*pays into {server}/{login} ", banner)
    assert [name for name, url in ready["control_urls"].items() if f"{name:<14} {url}\n" not in banner] == []
    told = [
        "Starting the sandbox",
        "Starting PostgreSQL",
        "Loading the ERP",
        "Starting the vendors'",
        "Starting the graph",
    ]
    assert [one for one in told if one not in steps] == []
    # Neither is a terminal.
    assert "\x1b[" not in banner + steps
