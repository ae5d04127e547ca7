"""Subscriptions: .venv/bin/python bench/live.py

Latency: milliseconds from the time of an event, which is set just before its commit, to the socket of a subscriber at
another server process; with the doorbell and without. Fan-out: one event to 1,000 subscribers of one process, and the
answers that a core of the server makes. Quiet: the memory and the processor time of streams without events, over
WebSocket connections with 100 streams each, and over server-sent events. The quiet time has a bookmark of each stream.

Servers have one core. The drivers, the database and the vendors share the other core. Writes bench/LIVE.md and
bench/live.json. The exit status checks the promises. Other programs on the cores disturb the times, but not the memory
and the processor time.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).parents[1]
sys.path[:0] = [str(HOUSE), str(HOUSE / "tests")]

from machine import SERVER_CORE, cpu_seconds, described, family, pin, resident_mib  # noqa: E402
from sites import box_on_other_core, write_report  # noqa: E402
from support.boxes import RunningBox  # noqa: E402 - tests are no package.
from support.graphs import Graph, running_graph  # noqa: E402
from support.served import query  # noqa: E402

SETTINGS = {
    "BUDGET__STORE": "off",
    "RECONCILIATION__ENABLED": "false",
    "STREAMS__PER_CALLER_MAX": "10000",
    "HTTP__MAX_CONNECTIONS": "2000",
}
ACCOUNT = """SELECT t.server, t.login FROM platform.account a
  JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
  JOIN brokergraph_erp.client c ON c.client_number = t.client_number
  WHERE a.server = 'R1' AND a.currency = 'USD' AND c.identity_locked AND c.erp_status IN (4, 5)
        AND a.enabled AND NOT a.read_only ORDER BY a.login LIMIT 1"""
Figures = dict[str, float]
# The figure, its unit and meaning, and the largest value that is promised.
MEANING: dict[str, tuple[str, float | None]] = {
    "doorbell_p50": ("ms from an event to the socket, median, with the doorbell", 50),
    "doorbell_p99": ("ms, 99th per cent", None),
    "polled_p50": ("ms from an event to the socket, median, without the doorbell", 300),
    "polled_p99": ("ms, 99th per cent", None),
    "fan_out_first": ("ms from an event to the first of the subscribers, median of the events", None),
    "fan_out_middle": ("ms to half of them", None),
    "fan_out_last": ("ms to the last of them", None),
    "answers_per_core_second": ("answers that a core of the server makes in a second", None),
    "quiet_ws_kb": ("kB of memory for each quiet stream, 100 streams on a WebSocket", 20),
    "quiet_ws_cpu": ("% of a core for all of them", 10),
    "quiet_sse_kb": ("kB of memory for each quiet event stream, with its connection", None),
    "quiet_sse_cpu": ("% of a core for all of them", None),
}


@contextmanager
def server(box: RunningBox, **more: str) -> Iterator[Graph]:
    with running_graph(box, **SETTINGS, **more) as graph:
        pin(family(graph.process.pid or 0), SERVER_CORE)
        yield graph


@contextmanager
def driver(mode: str, asked: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(HOUSE / "bench" / "live_driver.py"), mode]
    variables = os.environ | {"PYTHONPATH": str(HOUSE / "tests")}
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables)
    assert child.stdin
    child.stdin.write(json.dumps(asked) + "\n")
    child.stdin.flush()
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def driven(mode: str, asked: dict[str, Any]) -> Figures:
    with driver(mode, asked) as child:
        told, _ = child.communicate(timeout=600)
        if child.returncode:
            sys.exit(f"the driver failed with {child.returncode}")
        figures: Figures = json.loads(told)
        return figures


def latency(box: RunningBox, account: dict[str, str], deposits: int, doorbell: str) -> Figures:
    with server(box, STREAMS__DOORBELL=doorbell) as sender, server(box, STREAMS__DOORBELL=doorbell) as graph:
        asked = {"url": graph.url, "sender": sender.url, "key": "demo-operator", "deposits": deposits, **account}
        return driven("latency", asked)


def fan_out(box: RunningBox, account: dict[str, str], streams: int, deposits: int) -> Figures:
    with server(box) as sender, server(box) as graph:
        asked = {
            "url": graph.url,
            "sender": sender.url,
            "key": "demo-operator",
            "deposits": deposits,
            "streams": streams,
        }
        return driven("fan_out", asked | account | {"pids": family(graph.process.pid or 0)})


def quiet(box: RunningBox, transport: str, streams: int, seconds: float) -> tuple[float, float]:
    """Memory in kB for each stream, and per cent of a core for all."""
    with server(box) as graph:
        pids = family(graph.process.pid or 0)
        asked = {"url": graph.url, "key": "demo-operator", "transport": transport, "per_socket": 100}
        # What the first streams import and compile is no cost of a stream.
        with opened(asked | {"streams": 10, "per_socket": 10}):
            pass
        before = resident_mib(pids)
        with opened(asked | {"streams": streams}):
            used = cpu_seconds(pids)
            time.sleep(seconds)
            used = cpu_seconds(pids) - used
            grown = resident_mib(pids) - before
    return grown * 1024 / streams, 100 * used / seconds


@contextmanager
def opened(asked: dict[str, Any]) -> Iterator[None]:
    with driver("quiet", asked) as child:
        assert child.stdout
        if child.stdout.readline() != "open\n":
            sys.exit("the driver has not opened its streams")
        yield


def measured(box: RunningBox, asked: argparse.Namespace) -> Figures:
    account = {name: str(value) for name, value in query(box.database_url, ACCOUNT)[0].items()}
    found: Figures = {}
    for name, doorbell in (("doorbell", "database"), ("polled", "off")):
        taken = latency(box, account, asked.deposits, doorbell)
        found |= {f"{name}_p50": taken["p50"], f"{name}_p99": taken["p99"]}
    fanned = fan_out(box, account, asked.subscribers, asked.deposits // 4)
    found |= {f"fan_out_{name}": fanned[name] for name in ("first", "middle", "last")}
    found["answers_per_core_second"] = fanned["answers"] / fanned["cpu_seconds"]
    for transport, streams in (("ws", asked.streams), ("sse", asked.subscribers)):
        found[f"quiet_{transport}_kb"], found[f"quiet_{transport}_cpu"] = quiet(box, transport, streams, asked.seconds)
    return {name: round(value, 1) for name, value in found.items()}


def report(found: Figures, asked: argparse.Namespace) -> str:
    rows = "\n".join(
        f"| {name} | {found[name]} | {what}{'' if most is None else f'; promised: at most {most:g}'} |"
        for name, (what, most) in MEANING.items()
    )
    facts = ", ".join(f"{name} {value}" for name, value in described().items())
    how = (
        f"{asked.deposits} deposits for each latency. {asked.subscribers:,} subscribers and event streams.\n"
        f"{asked.streams:,} quiet streams over WebSockets, for {asked.seconds:g} s."
    )
    head = f"# Subscriptions\n\nWritten by `bench/live.py`, which says how.\n{facts}.\n{how}\n"
    return f"{head}\n| figure | | |\n|---|---|---|\n{rows}\n"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--deposits", type=int, default=80)
    options.add_argument("--subscribers", type=int, default=1000)
    options.add_argument("--streams", type=int, default=10_000)
    options.add_argument("--seconds", type=float, default=70.0)
    asked = options.parse_args()
    with box_on_other_core(300) as (box, _):
        found = measured(box, asked)
    text = report(found, asked)
    facts = {"machine": described(), "options": vars(asked), "figures": found}
    write_report("live", text, facts)
    sys.stdout.write(text)
    return 0 if all(most is None or found[name] <= most for name, (_, most) in MEANING.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
