"""The command line as an operator uses it: child processes, a settings file, an environment."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import structlog
from click.testing import CliRunner, Result

from api.cli import main

HOUSE = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).parent / "brokergraph"
PATIENCE_SECONDS = 60
QUERY = "{ client(by: {clientNumber: 500608}) { fullName totalFloatingBalance { amount currency } } }"


@dataclass(frozen=True)
class Operator:
    """An operator with a settings file, and variables that override it."""

    settings: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BROKERGRAPH_")}
        return {**clean, "BROKERGRAPH_CONFIG": str(self.settings), **self.variables}

    def having(self, **variables: str) -> "Operator":
        return Operator(self.settings, {**self.variables, **variables})

    def start(self, *words: str, cwd: Path | None = None) -> subprocess.Popen:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([PROGRAM, *words], env=self.environment(), cwd=cwd, **pipes)

    def run(self, *words: str) -> subprocess.CompletedProcess:
        child = self.start(*words)
        out, err = child.communicate(timeout=PATIENCE_SECONDS)
        return subprocess.CompletedProcess(words, child.returncode, out, err)

    def run_here(self, *words: str) -> Result:
        """The same in this process, which has the imports behind it."""
        before = structlog.get_config()
        inherited = {name: None for name in os.environ if name.startswith("BROKERGRAPH_")}
        variables = {**inherited, "BROKERGRAPH_CONFIG": str(self.settings), **self.variables}
        try:
            return CliRunner().invoke(main, words, env=variables)
        finally:
            structlog.configure(**before)


@dataclass(frozen=True)
class Served:
    process: subprocess.Popen
    address: str

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"{self.address}{path}", timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def ask(self, query: str, key: str) -> dict:
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        request = urllib.request.Request(f"{self.address}/graphql", json.dumps({"query": query}).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def serving(operator: Operator, *words: str, command: str = "serve", cwd: Path | None = None) -> Iterator[Served]:
    """A server on a free port that answers; whatever is left of it is killed in the end."""
    port = free_port()
    child = operator.start(command, "--port", str(port), *words, cwd=cwd)
    try:
        served = Served(child, f"http://127.0.0.1:{port}")
        wait_until_alive(served)
        yield served
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate(timeout=PATIENCE_SECONDS)


def wait_until_alive(served: Served) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not answers(served):
        if served.process.poll() is not None or time.monotonic() > deadline:
            served.process.kill()
            raise RuntimeError(f"It did not start: {served.process.communicate()}")
        time.sleep(0.05)


def answers(served: Served) -> bool:
    try:
        return served.get("/livez")[0] == 200
    except OSError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def in_database(url: str, name: str) -> str:
    """The same server and role, another database."""
    changed, count = re.subn(r"(@[^/]*/)[^?]+", rf"\g<1>{name}", url, count=1)
    assert count == 1
    return changed


def wrong_lines(output: str) -> list[str]:
    return [line.removeprefix("WRONG ") for line in output.splitlines() if line.startswith("WRONG")]


def program(name: str) -> str | None:
    """A system program; Debian keeps servers where an ordinary user's PATH does not look."""
    return shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")


def execute(url: str, statement: str, *arguments: object) -> None:
    """One statement, or several without arguments."""
    query(url, statement, *arguments, fetch=False)


def query(url: str, statement: str, *arguments: object, fetch: bool = True) -> list[asyncpg.Record]:
    async def run() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            if fetch:
                return await connection.fetch(statement, *arguments)
            await connection.execute(statement, *arguments)
            return []
        finally:
            await connection.close()

    return asyncio.run(run())


def descendants(pid: int) -> set[int]:
    """Every process below this one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            parents[int(entry.name)] = stat(int(entry.name))[1]
    found: set[int] = set()
    frontier = {pid}
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier} - found
        found |= frontier
    return found


def stat(pid: int) -> tuple[str, int]:
    """A process's state and its parent's id; the name in between may hold anything but a later bracket."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "X", 0
    return fields[0], int(fields[1])


def left_alive(pids: set[int]) -> set[int]:
    """The processes that still run after a while. A zombie has ended, although no process has read its exit code."""
    deadline = time.monotonic() + 60
    while True:
        alive = {pid for pid in pids if stat(pid)[0] not in {"Z", "X"}}
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.05)
