"""The cost of a new document: .venv/bin/python bench/planning.py

First in this process: how long it takes to read (parse, guard, validate) and to plan a dashboard's document. Then on a
real server over a sandbox: how long a known document takes while 10,000 different ones go through, and how much
memory they leave, after one flood and after two. Everything shares the machine; requests go one after another.

Promised: under 3 ms to read and plan a new document; a known one takes at most twice as long during a flood; memory is
bounded.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HOUSE = Path(__file__).parents[1]
sys.path[:0] = [str(HOUSE), str(HOUSE / "tests")]

from graphql.execution.values import VariableValues
from support.boxes import running_box
from support.graphs import Graph, running_graph

from engine import Engine
from engine.output_shapes import Kind
from engine.plan import Selection, Variant
from resolvers.request.document_limits import DocumentLimits
from resolvers.request.documents import Documents
from resolvers.schema import core_schema, schema

DASHBOARD = """query Dashboard {{ clients(first: 1) {{ nodes {{ n{number}: clientNumber fullName
  webStatus {{ code text }}
  tradingAccounts(first: 5) {{ nodes {{ login platform group currency status server {{ name }} ...Figures }} }}
  balances {{ currency balance cash held value {{ amount currency }} }} totalFloatingBalance {{ amount currency }} }}
  pageInfo {{ hasNextPage endCursor }} }} }}
fragment Figures on TradingAccount {{ balance equity margin }}"""
SMALL = "{{ client(by: {{clientNumber: 500608}}) {{ n{number}: fullName webStatus {{ code }} }} }}"
KNOWN = SMALL.format(number="")
MILLISECONDS = 1000
MEMORIES = ("memory_before", "memory_after", "memory_after_twice")
UNITS = dict.fromkeys(MEMORIES, "MiB") | {"documents": "", "slowdown": "times"}
# In turn, so that other load on the machine affects both.
ROUNDS, KNOWN_A_ROUND, WARM_UP = 10, 50, 300


@contextmanager
def timed(into: list[float], clock: Callable[[], float] = time.perf_counter) -> Iterator[None]:
    begun = clock()
    yield
    into.append((clock() - begun) * MILLISECONDS)


def new_documents(count: int) -> dict[str, float]:
    """Milliseconds of CPU, the median over so many documents of which no two are equal."""
    engine, documents = Engine(core_schema, schema), Documents(core_schema, DocumentLimits(), introspection=True)
    read: list[float] = []
    planned: list[float] = []
    for number in range(count):
        with timed(read, time.process_time):
            document = documents.read(DASHBOARD.format(number=number))
        with timed(planned, time.process_time):
            plan = engine.plan(document.tree, document.operation(None))
            assert plan is not None, "the engine runs it"
            variant = plan.variant(VariableValues({}, {}))
            assert variant is not None, "it has no conditions"
            compile_below(variant.root, variant)
    both = [sum(pair) for pair in zip(read, planned, strict=True)]
    return {
        "read": statistics.median(read),
        "plan": statistics.median(planned),
        "read_and_plan": statistics.median(both),
    }


def compile_below(selection: Selection, variant: Variant) -> None:
    """Plan what a run would plan when it gets there."""
    for field in selection.fields.values():
        if field.output.named_kind is Kind.OBJECT:
            compile_below(variant.select(field, field.output.named), variant)


def memory(graph: Graph) -> float:
    """Resident MiB of the server."""
    pages = int(Path(f"/proc/{graph.process.pid}/statm").read_text().split()[1])
    return round(pages * 4096 / 2**20, 1)


def asked(graph: Graph, document: str, times: list[float]) -> None:
    with timed(times):
        response = graph.post(document)
    assert response.status_code == 200, response.text


def one_round(graph: Graph, each: int, first: int, times: dict[str, list[float]]) -> None:
    """A known document alone, and then as often with `each` new ones before it."""
    for _ in range(KNOWN_A_ROUND):
        asked(graph, KNOWN, times["known_alone"])
    for turn in range(KNOWN_A_ROUND):
        for number in range(first + turn * each, first + (turn + 1) * each):
            asked(graph, (SMALL if number % 2 else DASHBOARD).format(number=number), times["new_in_flood"])
        asked(graph, KNOWN, times["known_in_flood"])


def server(count: int) -> dict[str, float]:
    times: dict[str, list[float]] = {"known_alone": [], "known_in_flood": [], "new_in_flood": []}
    each = max(1, count // (ROUNDS * KNOWN_A_ROUND))
    with ExitStack() as stack:
        data = stack.enter_context(tempfile.TemporaryDirectory())
        box = stack.enter_context(running_box(Path(data), 2000))
        graph = stack.enter_context(running_graph(box, BUDGET__STORE="off", RECONCILIATION__ENABLED="false"))
        for _ in range(WARM_UP):
            asked(graph, KNOWN, [])
        memories = {"memory_before": memory(graph)}
        for number in range(2 * ROUNDS):
            one_round(graph, each, number * each * KNOWN_A_ROUND, times)
            if number == ROUNDS - 1:
                memories["memory_after"] = memory(graph)
        memories["memory_after_twice"] = memory(graph)
    return memories | {name: statistics.median(all_of_it) for name, all_of_it in times.items()}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--documents", type=int, default=10_000)
    options.add_argument("--json", action="store_true", help="for bench/run.py; whether it is enough is not said")
    wanted = options.parse_args()
    figures = new_documents(500) | server(wanted.documents) | {"documents": wanted.documents}
    figures["slowdown"] = figures["known_in_flood"] / figures["known_alone"]
    if wanted.json:
        sys.stdout.write(json.dumps(figures))
        return 0
    for name, value in figures.items():
        sys.stdout.write(f"{name:20} {value:8.2f} {UNITS.get(name, 'ms')}\n")
    return 0 if figures["read_and_plan"] < 3 and figures["slowdown"] <= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
