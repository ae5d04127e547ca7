"""HUP, and a change of a file of the settings: each worker is replaced by one with the present settings, and no request
fails.
"""

import json
import shutil
import signal
import threading
import time
import urllib.request
from dataclasses import replace

import pytest
from support.served import serving


def introspects(served, key):
    """Whether a caller without a special scope may read the schema."""
    return "errors" not in served.ask("{ __schema { queryType { name } } }", key)


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def own(acme, tmp_path):
    """An operator with a settings file of its own."""
    path = tmp_path / "brokergraph.toml"
    shutil.copy(acme.operator.settings, path)
    return replace(acme.operator, settings=path)


class Caller(threading.Thread):
    """Asks again and again, each time on a new connection."""

    def __init__(self, served, key):
        super().__init__(daemon=True)
        self.served, self.key = served, key
        self.answers, self.failures, self.stopped = 0, [], False

    def run(self):
        while not self.stopped:
            try:
                assert self.served.ask("{ viewer { name } }", self.key)["data"]
                assert self.served.get("/readyz")[0] == 200
                self.answers += 1
            except (OSError, AssertionError) as error:
                self.failures.append(error)
            # The log goes into a pipe that is read at the end.
            time.sleep(0.1)


class Log(threading.Thread):
    """Reads the lines of a server's log as they come."""

    def __init__(self, served):
        super().__init__(daemon=True)
        self.stream, self.lines = served.process.stderr, []
        self.start()

    def run(self):
        self.lines.extend(map(json.loads, self.stream))

    def having(self, event):
        return [line for line in list(self.lines) if line["event"] == event]


def test_workers_take_new_settings_one_after_the_other(own, acme):
    operator = own.having(BROKERGRAPH_SERVER__DRAIN_SECONDS="1")
    with serving(operator, "--workers", "2") as served:
        caller = Caller(served, acme.key)
        caller.start()
        assert not introspects(served, acme.key)
        text = own.settings.read_text()
        own.settings.write_text(text.replace("[server]", "[server]\nintrospection = true", 1))
        served.process.send_signal(signal.SIGHUP)
        until(lambda: all(introspects(served, acme.key) for _ in range(20)))
        caller.stopped = True
        caller.join(20)
        assert served.stop() == 0

    assert caller.failures == []
    assert caller.answers > 5


def test_a_wrong_settings_file_leaves_the_workers_as_they_are(own, acme):
    operator = own.having(BROKERGRAPH_SERVER__DRAIN_SECONDS="1", BROKERGRAPH_SERVER__METRICS="everyone")
    with serving(operator, "--workers", "2") as served:
        # A worker that is still starting would read the wrong file itself.
        until(lambda: b"\nbrokergraph_concurrency_limit 32.0\n" in served.get("/metrics")[1])
        own.settings.write_text("[server]\nport = 'none'\n")
        served.process.send_signal(signal.SIGHUP)
        log = Log(served)
        until(lambda: log.having("reload.refused"))
        assert all(served.ask("{ viewer { name } }", acme.key)["data"] for _ in range(10))
        with urllib.request.urlopen(f"{served.address}/readyz", timeout=10) as answer:
            assert answer.status == 200
        assert served.stop() == 0


@pytest.fixture
def mounted(acme, tmp_path):
    """An operator with settings that Kubernetes mounts: a link to the present version. Returns it, and how to swap."""

    def swap(text):
        version = tmp_path / f"..{time.monotonic_ns()}"
        version.mkdir()
        (version / "brokergraph.toml").write_text(text)
        (tmp_path / "..new").symlink_to(version.name)
        (tmp_path / "..new").rename(tmp_path / "..data")

    (tmp_path / "brokergraph.toml").symlink_to("..data/brokergraph.toml")
    swap(acme.operator.settings.read_text())
    return replace(acme.operator, settings=tmp_path / "brokergraph.toml"), swap


def test_one_process_takes_the_swap_of_a_mounted_file_and_refuses_a_wrong_one(mounted, acme):
    own, swap = mounted
    text = own.settings.read_text()
    operator = own.having(BROKERGRAPH_SERVER__DRAIN_SECONDS="1", BROKERGRAPH_SERVER__RELOAD_ON_CHANGE="true")
    with serving(operator) as served:
        log = Log(served)
        caller = Caller(served, acme.key)
        caller.start()

        swap('[server]\nport = 1\nhost = "Secr3t-Canary\n[erp]\n')
        until(lambda: log.having("reload.refused"))
        assert not introspects(served, acme.key)
        swap(text.replace("[server]", "[server]\nintrospection = true", 1))
        until(lambda: log.having("reload.done"))
        assert introspects(served, acme.key)
        caller.stopped = True
        caller.join(20)
        assert served.stop() == 0
        log.join(20)

    assert caller.failures == []
    assert caller.answers > 0
    [refused] = log.having("reload.refused")
    assert refused["level"] == "error"
    assert refused["reason"].startswith(f"{own.settings}: is not TOML")
    assert "line 3" in refused["reason"]
    assert "Canary" not in str(log.lines)
    assert [line["workers"] for line in log.having("reload.done")] == [1]
