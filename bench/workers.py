"""Two workers beside one: .venv/bin/python bench/workers.py

Processor time of the server for each answer, all its processes counted, with one worker and with two, in turns. Each
worker has as many callers, and the driver costs so little that they wait for the server: requests that are present
together share work. All processes of a server share one core; the driver, the database and the vendors have the other.
Prints the medians of the rounds. The exit status checks the promise: two workers cost at most 1.1 times the
processor time of one.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HOUSE = Path(__file__).parents[1]
sys.path[:0] = [str(HOUSE), str(HOUSE / "tests"), str(HOUSE / "bench")]

from documents import OURS  # noqa: E402
from machine import SERVER_CORE, cpu_seconds, family, pin  # noqa: E402
from measure import driven, need_wrk  # noqa: E402
from overload import QUERY, SETTINGS  # noqa: E402
from servers import Peer  # noqa: E402
from sites import box_on_other_core  # noqa: E402
from support.boxes import RunningBox  # noqa: E402 - tests are no package.
from support.graphs import free_port, prepare  # noqa: E402
from support.replicas import Replica  # noqa: E402

MOST = 1.1
# For each worker.
CALLERS = 16


def cost(server: Replica, seconds: float) -> float:
    """Microseconds of processor time for each answer."""
    assert server.process
    pids = family(server.process.pid)
    pin(pids, SERVER_CORE)
    peer = Peer("brokergraph", "", (), server.port, OURS, key="demo-operator")
    before = cpu_seconds(pids)
    figures = driven(peer, [json.dumps({"query": QUERY})], CALLERS * server.workers, seconds)
    if figures["errors"]:
        raise RuntimeError(f"{figures['errors']} answers with errors")
    return 1e6 * (cpu_seconds(pids) - before) / figures["answers"]


@contextmanager
def serving(box: RunningBox, folder: Path, workers: int) -> Iterator[Replica]:
    settings = {f"BROKERGRAPH_{name}": value for name, value in SETTINGS.items()}
    environment = os.environ | settings | {"BROKERGRAPH_CONFIG": str(box.settings_path)}
    server = Replica(free_port(), environment, folder / f"workers-{workers}.log", workers)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=4.0)
    asked = options.parse_args()
    need_wrk()
    with ExitStack() as stack:
        box, folder = stack.enter_context(box_on_other_core(300))
        asyncio.run(prepare(box.settings_path))
        one, two = [stack.enter_context(serving(box, folder, workers)) for workers in (1, 2)]
        rounds = [(cost(one, asked.seconds), cost(two, asked.seconds)) for _ in range(asked.rounds)]
    ratio = statistics.median(second / first for first, second in rounds)
    for first, second in rounds:
        sys.stdout.write(f"one worker {first:.0f} us, two workers {second:.0f} us, ratio {second / first:.3f}\n")
    sys.stdout.write(f"median ratio {ratio:.3f}; promised: at most {MOST}\n")
    return 0 if ratio <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
