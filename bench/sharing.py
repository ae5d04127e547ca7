"""The savings of request coalescing, for sixteen callers that ask the same: .venv/bin/python bench/sharing.py

A real server for each number of calls in flight (0: no coalescing), all on one sandbox. In alternating rounds one
request is driven over sixteen connections. Prints, as medians of the rounds: the server's CPU for an answer, answers a
second, vendor calls for an answer, and the times of answers. `--vendor-seconds` makes the vendors as slow as real ones.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).parents[1]
sys.path[:0] = [str(HOUSE), str(HOUSE / "tests")]

from support.boxes import running_box  # noqa: E402 - tests are no package.
from support.graphs import Graph, running_graph  # noqa: E402

CONNECTIONS = 16
FIELDS = """fullName webStatus { code } totalFloatingBalance { amount currency }
  balances { currency balance cash held value { amount } }
  tradingAccounts(first: 2, filter: { servers: ["L1", "L2", "R1", "R3"] }) {
    nodes { login server { name } live { leverage } } }"""
DOCUMENTS = {
    "S, one client": f"{{ client(by: {{ clientNumber: 500608 }}) {{ {FIELDS} }} }}",
    "D, fifty clients": f"{{ clients(first: 50) {{ nodes {{ {FIELDS} }} }} }}",
}
VENDORS = ("cplugin", "broker_work")
SETTINGS = {
    "BUDGET__STORE": "off",
    "RECONCILIATION__ENABLED": "false",
    "OVERLOAD__MIN_RUNNING": "1000",
    "OVERLOAD__MAX_RUNNING": "1000",
}
PLACES = (
    *("CPLUGIN__MAIN__LIVE_CALLS", "CPLUGIN__LEGACY__LIVE_CALLS", "BROKER_WORK__MAIN__LIVE_CALLS"),
    *("ERP__LOOKUPS", "ERP__PAGES"),
)


def settings(at_once: int) -> dict[str, str]:
    return SETTINGS | {f"{name}_AT_ONCE": str(at_once) for name in PLACES}


def cpu_seconds(graph: Graph) -> float:
    fields = Path(f"/proc/{graph.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def vendor_calls(box: Any) -> int:
    return sum(int(box.calls(vendor)["total"]) for vendor in VENDORS)


def one_round(box: Any, graph: Graph, query: str, seconds: float) -> tuple[float, ...]:
    """CPU ms and vendor calls for an answer, answers a second, p50 and p99 in ms."""
    target = {"url": graph.url, "key": "demo-operator", "body": json.dumps({"query": query})}
    command = [sys.executable, str(HOUSE / "bench" / "driver.py"), "closed", str(CONNECTIONS), str(seconds)]
    cpu, calls = cpu_seconds(graph), vendor_calls(box)
    done = subprocess.run(command, input=json.dumps(target), capture_output=True, text=True, check=True, timeout=120)  # noqa: S603
    figures = json.loads(done.stdout)
    answers = figures["statuses"]["200"]
    spent = 1000 * (cpu_seconds(graph) - cpu) / answers, (vendor_calls(box) - calls) / answers
    return (*spent, figures["answered_per_second"], *(figures["milliseconds"][share] for share in ("p50", "p99")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--places", type=int, nargs="+", default=[0, 1, 2, 4])
    parser.add_argument("--vendor-seconds", type=float, default=0.0)
    asked = parser.parse_args()
    rows: defaultdict[tuple[str, int], list[tuple[float, ...]]] = defaultdict(list)
    with ExitStack() as stack:
        box = stack.enter_context(running_box(Path(stack.enter_context(tempfile.TemporaryDirectory())), 300))
        graphs = {places: stack.enter_context(running_graph(box, **settings(places))) for places in asked.places}
        for vendor in VENDORS if asked.vendor_seconds else ():
            box.tell(vendor, "/misbehave", {"fault": "slow_then_ok", "seconds": asked.vendor_seconds})
        assert len({json.dumps(graph.data(query)) for graph in graphs.values() for query in DOCUMENTS.values()}) == len(
            DOCUMENTS
        )
        for _ in range(asked.rounds):
            for name, query in DOCUMENTS.items():
                for places, graph in graphs.items():
                    rows[name, places].append(one_round(box, graph, query, asked.seconds))
    print("document, places | CPU ms/answer | vendor calls/answer | answers/s | p50 ms | p99 ms")  # noqa: T201
    for (name, places), rounds in sorted(rows.items()):
        medians = " | ".join(f"{statistics.median(column):.2f}" for column in zip(*rounds, strict=True))
        print(f"{name}, {places} | {medians}")  # noqa: T201


if __name__ == "__main__":
    main()
