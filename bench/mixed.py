"""A mixed load for a while: .venv/bin/python bench/mixed.py

One client (S), a page of 50 clients (D), both with live figures, and deposits, over 10,000 kept connections and in
1,000 different documents. 1,000 streams are open, ten of which get an event of each deposit. First sixteen callers ask
as fast as they can (the capacity). Then 70 % of it is offered at random times, however late the answers are. Writes
bench/MIXED.md and bench/mixed.json. The exit status checks the promises.

The server has core 0. The driver, PostgreSQL and the vendors share core 1, where the driver has the highest priority.
Other programs on the cores disturb the times, but not the memory and the processor time of a start.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from pathlib import Path

HOUSE = Path(__file__).parents[1]
sys.path[:0] = [str(HOUSE), str(HOUSE / "tests"), str(HOUSE / "bench")]

import anyio
from driver import request_of
from machine import OTHER_CORE, SERVER_CORE, busy_seconds, cpu_seconds, described, family, reaped_seconds, resident_mib
from memory import Points
from mix import KEY, Mix
from mixed_driver import Callers, Subscribers, run
from mixed_report import LOAD, Figures, report, summary
from scale import ELIGIBLE
from sites import box_on_other_core, write_report
from support.boxes import RunningBox
from support.graphs import free_port, prepare
from support.served import query
from world import vendor

VENDOR_PORT = 18_710
CLOSED_CONNECTIONS, CLOSED_ROUNDS, STARTS = 16, 3, 5
POINT_SECONDS = 5.0
# How many rounds' time requests are offered at even times.
EVEN_ROUNDS = 6
SETTINGS = {
    "BUDGET__COST_PER_MINUTE": "1000000000",
    "HTTP__MAX_CONNECTIONS": "12000",
    "HTTP__KEEP_ALIVE_SECONDS": "600",
    "STREAMS__PER_CALLER_MAX": "10000",
    "CPLUGIN__MAIN__LIMITS__REQUESTS_PER_MINUTE": "1000000",
    "BROKER_WORK__MAIN__LIMITS__REQUESTS_PER_MINUTE": "1000000",
    "BROKER_WORK__MAIN__URL": f"http://127.0.0.1:{VENDOR_PORT}",
}


@contextmanager
def server(box: RunningBox, folder: Path) -> Iterator[tuple[str, int, float]]:
    """`brokergraph serve`, with its address, its process and its processor seconds until it was ready."""
    port = free_port()
    command = ["taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "api.cli", "serve"]
    command += ["--config", str(box.settings_path), "--port", str(port)]
    settings = {f"BROKERGRAPH_{name}": value for name, value in SETTINGS.items()}
    # An installed brokergraph has its bytecode. A checkout gets it by the first start.
    settings |= {"PYTHONPYCACHEPREFIX": str(folder / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=HOUSE, env=os.environ | settings, stdout=log, stderr=log)  # noqa: S603
        try:
            url = f"http://127.0.0.1:{port}"
            while not ready(url):
                if process.poll() is not None:
                    raise RuntimeError((folder / "server.log").read_text()[-2000:])
                time.sleep(0.01)
            yield url, process.pid, cpu_seconds(family(process.pid))
        finally:
            process.terminate()
            process.wait(30)


def ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=30) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004
    except OSError:
        return False


async def points_of(pids: list[int], into: Points) -> None:
    begun = time.monotonic()
    while True:
        into.append((round(time.monotonic() - begun, 1), round(resident_mib(pids), 1)))
        await asyncio.sleep(POINT_SECONDS)


class Meter:
    """Processor seconds so far: of the server, of PostgreSQL, and of all programs on each core."""

    def __init__(self, server_pids: list[int], database_pid: int) -> None:
        self._server_pids, self._database_pid = server_pids, database_pid

    def read(self) -> tuple[float, ...]:
        database = family(self._database_pid)
        used = cpu_seconds(self._server_pids), cpu_seconds(database) + sum(map(reaped_seconds, database))
        return *used, busy_seconds(SERVER_CORE), busy_seconds(OTHER_CORE)


async def capacity(callers: Callers, mix: Mix, meter: Meter, seconds: float) -> Figures:
    await callers.closed(mix.next, CLOSED_CONNECTIONS, seconds)
    before = meter.read()
    rounds = [await callers.closed(mix.next, CLOSED_CONNECTIONS, seconds) for _ in range(CLOSED_ROUNDS)]
    shares = [(now - was) / (CLOSED_ROUNDS * seconds) for now, was in zip(meter.read(), before, strict=True)]
    return {
        "rounds": [round(one, 1) for one in rounds],
        **{
            name: round(share, 3)
            for name, share in zip(("server", "database", "core", "other_core"), shares, strict=True)
        },
    }


async def measure(mix: Mix, pids: list[int], meter: Meter, wanted: argparse.Namespace) -> Figures:
    callers, subscribers = Callers(mix.asked), Subscribers()
    first = request_of(KEY, b'{"query": "{ __typename }"}')
    memory = {"start": resident_mib(pids)}
    await callers.connect(CLOSED_CONNECTIONS, first)
    await callers.each(mix.each_document(3), CLOSED_CONNECTIONS)
    memory["documents"] = resident_mib(pids)
    await callers.connect(wanted.connections, first)
    memory["connections"] = resident_mib(pids)
    async with AsyncExitStack() as stack:
        await subscribers.open(mix.asked, wanted.subscribers, wanted.streams - wanted.subscribers, stack)
        memory["streams"] = resident_mib(pids)
        most = await capacity(callers, mix, meter, wanted.seconds)
        rate = LOAD * statistics.median(most["rounds"])
        await callers.offered(mix.next, rate, EVEN_ROUNDS * wanted.seconds, even=True)
        even = callers.figures()
        subscribers.lags.clear()
        points: Points = []
        watch = asyncio.create_task(points_of(pids, points))
        before = meter.read()
        seconds = 60 * wanted.minutes
        await callers.offered(mix.next, rate, seconds, even=False)
        used, database, core, other = (now - was for now, was in zip(meter.read(), before, strict=True))
        watch.cancel()
        points.append((round(seconds, 1), round(resident_mib(pids), 1)))
    return {
        "memory": {name: round(value, 1) for name, value in memory.items()},
        "capacity": most,
        "offered_per_second": round(rate, 1),
        "even": even,
        "events": subscribers.figures(),
        "open_connections": callers.open,
        "server_share": round(used / seconds, 3),
        "database_share": round(database / seconds, 3),
        "others_share": round((core - used) / seconds, 3),
        "other_core_share": round(other / seconds, 3),
        "mib": points,
        **callers.figures(),
    }


def measured(box: RunningBox, folder: Path, wanted: argparse.Namespace) -> Figures:
    accounts = [dict(row) for row in query(box.database_url, ELIGIBLE, 0, 2000)]
    starts = []
    for _ in range(STARTS):
        with server(box, folder) as (_, _, seconds):
            starts.append(round(seconds, 3))
    with server(box, folder) as (url, pid, seconds):
        starts.append(round(seconds, 3))
        mix = Mix({"url": url, "key": KEY}, wanted.clients, wanted.documents, accounts)
        # Else the clock of the driver would wait for PostgreSQL. Only an administrator may do this.
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, -15)
        database_pid = int(next(folder.rglob("postmaster.pid")).read_text().split()[0])
        found: Figures = run(measure(mix, family(pid), Meter(family(pid), database_pid), wanted))
    return {"machine": described(), "options": vars(wanted), "start_cpu": starts[1:], **found}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--connections", type=int, default=10_000)
    options.add_argument("--documents", type=int, default=1000)
    options.add_argument("--streams", type=int, default=1000)
    options.add_argument("--subscribers", type=int, default=10, help="the streams that get events")
    options.add_argument("--clients", type=int, default=20_000)
    options.add_argument("--seconds", type=float, default=5.0, help="of a round of the capacity")
    wanted = options.parse_args()
    with ExitStack() as stack:
        box, folder = stack.enter_context(box_on_other_core(wanted.clients, seconds=600))
        stand_in = vendor(folder, VENDOR_PORT)
        stack.callback(stand_in.kill)
        anyio.run(prepare, box.settings_path)
        found = measured(box, folder, wanted)
    text = report(found)
    write_report("mixed", text, found)
    sys.stdout.write(text)
    return 0 if all(most is None or value <= most for value, _, most in summary(found).values()) else 1


if __name__ == "__main__":
    sys.exit(main())
