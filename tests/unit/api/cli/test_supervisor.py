"""The parent of the workers, with a worker that never becomes ready."""

import signal
from types import SimpleNamespace

import pytest

from api.cli import reloading
from api.cli.reloading import Supervisor


class Worker:
    """A new worker that hangs while it starts. TERM reaches its parent in the meantime."""

    def __init__(self, signals):
        self.process = SimpleNamespace(is_alive=lambda: True)
        self.signals, self.waits, self.killed = signals, [], False

    def start(self):
        pass

    def wait_until_ready(self, seconds, _should_exit=None):
        self.waits.append(seconds)
        self.signals.append(signal.SIGTERM)
        return False

    def kill(self):
        self.killed = True

    def join(self):
        pass


@pytest.fixture
def supervisor(monkeypatch):
    made = object.__new__(Supervisor)
    made.signal_queue, made.config, made.sockets, made.should_exit = [], None, [], None
    made.worker = Worker(made.signal_queue)
    made.processes = [SimpleNamespace()]
    monkeypatch.setattr(reloading, "Process", lambda *_: made.worker)
    return made


def test_a_signal_to_stop_ends_the_wait_for_a_worker_that_hangs(supervisor):
    assert not supervisor._replace(0)

    assert (supervisor.worker.waits, supervisor.worker.killed) == ([1.0], True)
