"""However the demo ends, nothing of it is left."""

import signal

import pytest
from support.served import QUERY, Operator, descendants, free_port, left_alive, serving


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
