"""Replicas as they run in production: two servers with workers, behind HAProxy, PgBouncer and Redis."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.bouncers import bouncing
from support.boxes import RunningBox
from support.rig import QUICK
from support.served import PROGRAM, descendants, free_port, program

PATIENCE_SECONDS = 60
SETTINGS = {
    "SERVER__DRAIN_SECONDS": "3",
    "ERP__PREPARED_STATEMENTS": "false",
    "STATE__PREPARED_STATEMENTS": "false",
    "STREAMS__DOORBELL": "redis",
    "BUDGET__STORE": "redis",
    "BUDGET__COST_PER_MINUTE": "100000000",
    "STREAMS__PER_CALLER_MAX": "10000",
}
# As docs/operations.md says: the load balancer asks /readyz every second, and repeats only a connection that failed.
PROXY = """
global
    maxconn 4000
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    option redispatch
    retries 3
frontend graph
    bind 127.0.0.1:{port}
    default_backend replicas
backend replicas
    option httpchk GET /readyz
    http-check expect status 200
    default-server inter 1s fall 1 rise 1 check
    server one 127.0.0.1:{one}
    server two 127.0.0.1:{two}
"""


@dataclass
class Replica:
    """`brokergraph serve` with workers, on a port that stays. All its processes are a group."""

    port: int
    environment: dict[str, str]
    log: Path
    workers: int = 2
    process: subprocess.Popen | None = None

    def start(self) -> None:
        command = [PROGRAM, "serve", "--port", str(self.port), "--workers", str(self.workers)]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command, env=self.environment, stdout=output, stderr=output, start_new_session=True
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.is_ready():
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self) -> int:
        """TERM to the parent, as an orchestrator does. Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """KILL to all processes of the replica."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)

    def worker_pids(self) -> list[int]:
        named = {pid: Path(f"/proc/{pid}/cmdline") for pid in descendants(self.process.pid)}
        return sorted(pid for pid, path in named.items() if path.exists() and b"spawn_main" in path.read_bytes())


@dataclass
class Installation:
    """The address of the load balancer, and the replicas behind it."""

    url: str
    replicas: list[Replica]


@contextmanager
def installed(box: RunningBox, folder: Path) -> Iterator[Installation]:
    """Two replicas behind all parts."""
    with ExitStack() as stack:
        databases = {"erp": box.graph_database_url, "state": box.graph_database_url}
        urls = stack.enter_context(bouncing(folder, 10, **databases))
        redis = stack.enter_context(redis_server())
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BROKERGRAPH_")}
        settings = QUICK | SETTINGS | {f"{name.upper()}__DATABASE_URL": url for name, url in urls.items()}
        settings |= {"STREAMS__REDIS_URL": redis, "BUDGET__REDIS_URL": redis}
        environment = clean | {f"BROKERGRAPH_{name}": value for name, value in settings.items()}
        environment["BROKERGRAPH_CONFIG"] = str(box.settings_path)
        replicas = [Replica(free_port(), environment, folder / f"replica-{name}.log") for name in ("one", "two")]
        for replica in replicas:
            stack.callback(ended, replica)
            replica.start()
        url = stack.enter_context(load_balancer(folder, *(replica.port for replica in replicas)))
        yield Installation(url, replicas)


def ended(replica: Replica) -> None:
    if replica.process is not None and replica.process.poll() is None:
        replica.kill()


@contextmanager
def load_balancer(folder: Path, one: int, two: int) -> Iterator[str]:
    path = program("haproxy")
    if path is None:
        pytest.skip("haproxy is not installed here: apt-get install haproxy")
    port = free_port()
    (folder / "haproxy.cfg").write_text(PROXY.format(port=port, one=one, two=two))
    child = subprocess.Popen([path, "-q", "-db", "-f", folder / "haproxy.cfg"])
    try:
        wait_for_answer(f"http://127.0.0.1:{port}/livez")
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(10)


@contextmanager
def redis_server() -> Iterator[str]:
    path = program("redis-server")
    if path is None:
        pytest.skip("redis-server is not installed here: apt-get install redis-server")
    port = free_port()
    child = subprocess.Popen([path, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"])
    try:
        wait_for_port(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        child.terminate()
        child.wait(10)


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


def wait_for_answer(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.URLError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
