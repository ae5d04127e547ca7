"""This checkout beside another commit, in one run: bench/run.py --against REF (docs/bench.md).

Both servers read the same tables, call the same vendor and answer the same driver in turn. Each is prepared and started
by its own code (bench/prepare.py), so that modules and settings may have other names there. Both are started anew for
each round, because two processes of the same code differ by some per cent for as long as they live.
"""

import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from documents import OURS, bodies
from machine import cpu_seconds
from measure import Figures, check, medians, one_round
from servers import HERE, Peer
from world import VENDOR_PORT, Running, World

CONNECTIONS = {"D": 16, "D0": 16, "S": 16, "L": 4}
THIS, OTHER = "this", "other"
TURN_SECONDS = 1
# What is compared: its name in the figures, its name in the table, and whether more of it is better.
COMPARED = (
    ("rps", "answers/s", True),
    ("server_cpu_ms", "server CPU ms", False),
    ("start_cpu_s", "server CPU s", False),
)
# By shape, then by commit.
Rounds = dict[str, dict[str, list[Figures]]]


@dataclass(frozen=True)
class Difference:
    """One figure of one shape. A ratio is this commit's figure divided by the other's, one for each round."""

    shape: str
    figure: str
    this: float
    other: float
    ratios: tuple[float, ...]
    more_is_better: bool

    @property
    def percent(self) -> float:
        """By how much this commit's figure differs, by the median of the rounds' ratios."""
        return (statistics.median(self.ratios) - 1) * 100

    @property
    def worse(self) -> float:
        """By how many per cent this commit is worse; below 0 where it is better."""
        return -self.percent if self.more_is_better else self.percent


def differences(rounds: Rounds) -> list[Difference]:
    """Compare the rounds of both commits, by shape. Rounds of the same number were measured one after the other."""
    return [
        Difference(
            shape,
            name,
            statistics.median(one[figure] for one in sides[THIS]),
            statistics.median(one[figure] for one in sides[OTHER]),
            tuple(this[figure] / other[figure] for this, other in zip(sides[THIS], sides[OTHER], strict=True)),
            more_is_better,
        )
        for shape, sides in rounds.items()
        for figure, name, more_is_better in COMPARED
        if figure in sides[THIS][0]
    ]


def table(found: list[Difference]) -> str:
    """The differences for people to read, each with its smallest and largest round."""
    head = f"{'':6}{'':15}{'this':>10}{'other':>10}{'difference':>14}{'rounds':>22}"
    rows = [
        f"{one.shape:6}{one.figure:15}{one.this:10.2f}{one.other:10.2f}{one.percent:+12.1f} %"
        f"{(min(one.ratios) - 1) * 100:+11.1f} .. {(max(one.ratios) - 1) * 100:+.1f} %"
        for one in found
    ]
    return "\n".join([head, *rows])


@contextmanager
def checked_out(ref: str) -> Iterator[Path]:
    """The files of another commit, in a temporary folder."""
    archive = ["git", "archive", "--format=tar", f"{ref}^{{commit}}"]
    done = subprocess.run(archive, cwd=HERE.parent, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"git knows no commit {ref}: {done.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory(prefix="brokergraph-against-") as folder:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)


def python_of(tree: Path) -> str:
    """A Python with the packages of that tree's lock: this one where the locks are equal, else one that is made."""
    lock = "requirements.lock"
    if (tree / lock).read_bytes() == (HERE.parent / lock).read_bytes():
        return sys.executable
    subprocess.run(["scripts/environment.sh"], cwd=tree, env=os.environ | {"PYTHON": sys.executable}, check=True)
    return str(tree / ".venv" / "bin" / "python")


def variables_of(tree: Path) -> dict[str, str]:
    """Let Python find the modules of that tree before those that its environment has installed."""
    return {"PYTHONPATH": str(tree)}


def prepared(tree: Path, python: str, folder: Path, databases: dict[str, Any]) -> dict[str, Any]:
    """What the tree's own bench/prepare.py says, or its older bench/world.py."""
    program, variables = tree / "bench" / "prepare.py", variables_of(tree)
    if not program.exists():
        if not (tree / "bench" / "world.py").exists():
            sys.exit("That commit has no bench with which its server could be prepared")
        program = HERE / "prepare_older.py"
        variables["PYTHONPATH"] += f"{os.pathsep}{tree / 'bench'}"
    done = subprocess.run(
        [python, "-P", str(program), str(folder)],
        cwd=tree,
        env=os.environ | variables,
        input=json.dumps(databases).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


async def made_ready(here: World, name: str, tree: Path) -> Peer:
    """A server of that tree, with a state database and a port of its own; not started yet."""
    python, folder = python_of(tree), here.folder / f"against-{name}"
    folder.mkdir(exist_ok=True)
    state = await here.empty_database(f"state_{name}")
    # It runs a loop of its own, in a process of its own; nothing else wants this one meanwhile.
    ready = prepared(tree, python, folder, {"erp": here.database_url, "state": state, "vendor": VENDOR_PORT})
    port = free_port()
    command = (python, *ready["arguments"], "--port", str(port))
    variables = tuple(variables_of(tree).items())
    return Peer(name, name, command, port, OURS, key=ready["key"], folder=tree, variables=variables)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure_both(here: World, servers: list[Running], seconds: int, into: Rounds) -> None:
    """One round of all shapes: so many seconds for each server, which take turns of one second.

    Both see the same load of the machine that way, and a short burst of it is left out by the median.
    """
    for running in servers:
        into["start"][running.peer.name].append({"start_cpu_s": cpu_seconds(running.pids)})
    for shape, connections in CONNECTIONS.items():
        wanted = bodies(OURS, shape)
        # The first turn of each warms up.
        turns = [
            [one_round(here, running, wanted, connections, TURN_SECONDS) for running in servers]
            for _ in range(seconds + 1)
        ][1:]
        for running, figures in zip(servers, zip(*turns, strict=True), strict=True):
            into[shape][running.peer.name].append(medians(list(figures)))


async def compared(here: World, ref: str, rounds: int, seconds: int) -> list[Difference]:
    """Both commits in all rounds. Nothing is measured before both have given the same answers."""
    found: Rounds = {shape: {THIS: [], OTHER: []} for shape in (*CONNECTIONS, "start")}
    with checked_out(ref) as tree:
        peers = [await made_ready(here, name, path) for name, path in ((THIS, HERE.parent), (OTHER, tree))]
        for number in range(rounds + 1):
            with ExitStack() as stack:
                order = peers if number % 2 else peers[::-1]
                servers = [stack.enter_context(here.running(peer)) for peer in order]
                if number:
                    measure_both(here, servers, seconds, found)
                else:
                    # The first start also compiles the other commit's modules.
                    check(servers, tuple(CONNECTIONS))
    return differences(found)
