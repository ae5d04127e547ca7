"""HUP to a server with workers: each worker is replaced by one with the present settings, and no request fails."""

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
                self.answers += 1
            except (OSError, AssertionError) as error:
                self.failures.append(error)
            # The log goes into a pipe that is read at the end.
            time.sleep(0.1)


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
    operator = own.having(BROKERGRAPH_SERVER__DRAIN_SECONDS="1")
    with serving(operator, "--workers", "2") as served:
        own.settings.write_text("[server]\nport = 'none'\n")
        served.process.send_signal(signal.SIGHUP)
        time.sleep(3)
        assert all(served.ask("{ viewer { name } }", acme.key)["data"] for _ in range(10))
        with urllib.request.urlopen(f"{served.address}/readyz", timeout=10) as answer:
            assert answer.status == 200
        assert served.stop() == 0
