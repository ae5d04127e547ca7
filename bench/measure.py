"""Alternating rounds: every server in turn, again and again, a few seconds each, and what it cost meanwhile."""

import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from documents import SHAPES, bodies, shape_bodies
from machine import OTHER_CORE, cpu_seconds, reaped_seconds, resident_mib, steal_seconds
from servers import HERE, Peer
from world import Running, World, ask

Figures = dict[str, float]
CHECKED = 5


def need_wrk() -> None:
    for program, package in (("wrk", "wrk"), ("taskset", "util-linux")):
        if shutil.which(program) is None:
            sys.exit(f"The bench needs {program}: apt-get install {package}")


def driven(peer: Peer, wanted: list[str], connections: int, seconds: float) -> dict[str, Any]:
    """The figures of wrk for one round; it and the other upstreams share a core."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("\n".join(wanted) + "\n")
        file.flush()
        command = ["taskset", "-c", str(OTHER_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s"]
        command += ["--timeout", "20s", "--latency", "-s", str(HERE / "load.lua"), peer.url, "--", file.name, peer.key]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not found:
        raise RuntimeError(f"wrk said nothing of {peer.name}: {done.stdout}{done.stderr}")
    figures: dict[str, Any] = json.loads(found[0][7:])
    return figures


@dataclass
class Meter:
    """Reads the processor times of a server and of PostgreSQL."""

    world: World
    running: Running

    def read(self) -> tuple[float, float, float]:
        pids = self.world.database_pids
        database = cpu_seconds(pids) + sum(reaped_seconds(pid) for pid in pids)
        return cpu_seconds(self.running.pids), database, steal_seconds()


def one_round(world: World, running: Running, wanted: list[str], connections: int, seconds: float) -> Figures:
    meter = Meter(world, running)
    before = meter.read()
    found = driven(running.peer, wanted, connections, seconds)
    server, database, steal = (after - was for after, was in zip(meter.read(), before, strict=True))
    answers = max(found["answers"], 1)
    if found["errors"]:
        raise RuntimeError(f"{running.peer.name} answered {found['errors']} of {answers} with errors")
    return {
        "rps": answers / found["microseconds"] * 1e6,
        "p50_ms": found["p50"] / 1e3,
        "p99_ms": found["p99"] / 1e3,
        "server_cpu_ms": server / answers * 1e3,
        "database_cpu_ms": database / answers * 1e3,
        "total_cpu_ms": (server + database) / answers * 1e3,
        "rss_mib": resident_mib(running.pids),
        "bytes": found["bytes"] / answers,
        "steal_share": steal / seconds,
    }


def cell(
    world: World, running_servers: list[Running], shape: str, connections: int, rounds: int, seconds: float
) -> dict[str, list[Figures]]:
    """All rounds of one kind of request, by server. The round before the first warms up and is thrown away."""
    found: dict[str, list[Figures]] = {}
    able = [running for running in running_servers if shape in running.peer.shapes]
    for number in range(rounds + 1):
        for running in able if number % 2 else able[::-1]:
            wanted = bodies(running.peer.dialect, shape)
            figures = one_round(world, running, wanted, connections, seconds if number else 1)
            if number:
                found.setdefault(running.peer.name, []).append(figures)
    return found


def medians(rounds: list[Figures]) -> Figures:
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


CODES = ["BLOCKED", "PENDING_APPROVAL", "APPROVED", "ON_HOLD"]
STATUSES = ["UNKNOWN", "CLOSED", "READONLY", "ACTIVE"]


def normal(value: Any, name: str = "") -> Any:
    """PostGraphile's lists without nodes, its plain amounts and numeric codes, in the form of the other servers."""
    if isinstance(value, dict):
        if set(value) in ({"nodes"}, {"amount"}):
            return normal(next(iter(value.values())), name)
        return {key: normal(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [normal(one, name) for one in value]
    if isinstance(value, int) and name in {"code", "status"}:
        return (CODES if name == "code" else STATUSES)[value]
    return value


def whole(peer: Peer, body: str) -> Any:
    """The data of one answer. Raises if it has errors, which application/json returns with a 200."""
    answer = json.loads(ask(peer, body))
    if answer.get("errors") or not answer.get("data"):
        raise RuntimeError(f"{peer.name} answers {body[:200]} with {str(answer)[:500]}")
    return answer["data"]


def digest(peer: Peer, wanted: list[str]) -> str:
    """The digest of the data of some answers. Raises if an answer has errors."""
    found = hashlib.sha256()
    for body in wanted[:CHECKED]:
        found.update(json.dumps(normal(whole(peer, body)), sort_keys=True).encode())
    return found.hexdigest()[:16]


def check(servers: list[Running], shapes: tuple[str, ...]) -> dict[str, str]:
    """The digest of each shape, after all servers have given the same; nothing is measured before."""
    return {
        shape: _agreed(
            shape, {one.peer: bodies(one.peer.dialect, shape) for one in servers if shape in one.peer.shapes}
        )
        for shape in shapes
    }


def check_shapes(servers: list[Running]) -> None:
    """Check the documents of dashboards in the same way."""
    for shape in SHAPES:
        for figures in (True, False):
            wanted = {one.peer: shape_bodies(one.peer.dialect, shape, figures=figures) for one in servers}
            _agreed(shape, wanted)


def _agreed(shape: str, wanted: dict[Peer, list[str]]) -> str:
    digests = {peer.name: digest(peer, one) for peer, one in wanted.items()}
    if len(set(digests.values())) != 1:
        raise RuntimeError(f"The servers' answers to {shape} differ: {digests}")
    return next(iter(digests.values()))


def scratch() -> Path:
    folder = HERE.parent / ".brokergraph" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
