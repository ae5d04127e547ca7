"""make bench: brokergraph and its peers on the same data, side by side (docs/bench.md).

`--quick` takes under ten minutes. Writes bench/results.json and bench/RESULTS.md. Needs wrk and a C compiler; the peers
come from npm, node from the wheel that the lock names.

`--against REF` measures this checkout beside another commit instead. It writes no file and needs no peers.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from against import compared, table
from documents import SHAPES, bodies, fields_of, shape_bodies
from machine import described
from measure import Figures, cell, check, check_shapes, driven, medians, need_wrk, one_round, scratch, whole
from memory import after_a_while
from profile_server import profiled
from report import written
from servers import peers
from world import Running, World, world

MEANING = {
    "D": "50 clients with live figures",
    "D0": "50 clients",
    "S": "one client with live figures",
    "S0": "one client",
    "L": "1,000 clients with live figures",
}
CONNECTIONS = {"S": 16, "D": 16, "L": 4}
SIZES = (1, 10, 50, 200, 1000, 5000)
SIZED = ("brokergraph", "mercurius", "node")
WITHOUT = "brokergraph, no figures"
RATIOS = {
    "S.rps/mercurius": ("S", "rps", "mercurius", 1.2, "at least"),
    "S.rps/node": ("S", "rps", "node", 1.1, "at least"),
    "S0.rps/node": ("S0", "rps", "node", 1.1, "at least"),
    "S.server_cpu/mercurius": ("S", "server_cpu_ms", "mercurius", 0.9, "at most"),
    "D.rps/mercurius": ("D", "rps", "mercurius", 2.8, "at least"),
    "D.rps/node": ("D", "rps", "node", 1.4, "at least"),
    "D0.rps/postgraphile": ("D0", "rps", "postgraphile", 4.0, "at least"),
    "L.server_cpu/mercurius": ("L", "server_cpu_ms", "mercurius", 0.2, "at most"),
    "D0.total_cpu/node": ("D0", "total_cpu_ms", "node", 0.9, "at most"),
}


@dataclass(frozen=True)
class Pace:
    """How long each part takes."""

    rounds: int
    seconds: float
    rounds_beside: int
    beside: float
    minutes: float
    documents: int


FULL, QUICK = Pace(5, 4, 5, 3, 10, 10_000), Pace(3, 2, 2, 1, 0.5, 500)


def ratios(cells: dict[str, Any]) -> dict[str, float]:
    return {
        name: round(cells[shape]["medians"]["brokergraph"][figure] / cells[shape]["medians"][peer][figure], 3)
        for name, (shape, figure, peer, _, _) in RATIOS.items()
        if shape in cells and {"brokergraph", peer} <= cells[shape]["medians"].keys()
    }


def measured_cells(here: World, running_servers: list[Running], pace: Pace) -> dict[str, Any]:
    """Every shape, all servers in turn."""
    digests = check(running_servers, tuple(MEANING))
    found: dict[str, Any] = {}
    for shape, digest in digests.items():
        say(f"{shape}: {MEANING[shape]}")
        rounds = cell(here, running_servers, shape, CONNECTIONS[shape[0]], pace.rounds, pace.seconds)
        found[shape] = {
            "digest": digest,
            "connections": CONNECTIONS[shape[0]],
            "medians": {name: medians(one) for name, one in rounds.items()},
            "rounds": rounds,
        }
    return found


def measured_sizes(here: World, running_servers: list[Running], pace: Pace) -> dict[str, dict[str, Figures]]:
    """What a page costs against its size, alternating."""
    found: dict[str, dict[str, list[Figures]]] = {}
    asked = [running for running in running_servers if running.peer.name in SIZED]
    for size in SIZES:
        say(f"a page of {size}")
        for number in range(pace.rounds_beside + 1):
            for running in asked:
                wanted = bodies(running.peer.dialect, "D", size)
                figures = one_round(here, running, wanted, 2, pace.beside if number else 1)
                if number:
                    found.setdefault(running.peer.name, {}).setdefault(str(size), []).append(figures)
    return {name: {size: medians(rounds) for size, rounds in sizes.items()} for name, sizes in found.items()}


def measured_shapes(here: World, ours: Running, theirs: Running, pace: Pace) -> dict[str, dict[str, Figures]]:
    """What dashboards send, with a vendor's figures and without: alternating."""
    check_shapes([ours, theirs])
    say("what dashboards send")
    asked = {"brokergraph": (ours, True), "mercurius": (theirs, True), WITHOUT: (ours, False)}
    found: dict[str, dict[str, list[Figures]]] = {shape: {name: [] for name in asked} for shape in SHAPES}
    for number in range(pace.rounds_beside + 1):
        for shape, rounds in found.items():
            for name, (running, figures) in asked.items():
                wanted = shape_bodies(running.peer.dialect, shape, figures=figures)
                measured = one_round(here, running, wanted, CONNECTIONS["D"], pace.beside if number else 1)
                fields = fields_of(whole(running.peer, wanted[0]))
                measured |= {"fields": fields, "microseconds_a_field": measured["server_cpu_ms"] * 1000 / fields}
                if number:
                    rounds[name].append(measured)
    return {shape: {name: medians(one) for name, one in rounds.items()} for shape, rounds in found.items()}


def measured(here: World, running_servers: list[Running], pace: Pace) -> dict[str, Any]:
    ours, theirs = named(running_servers, "brokergraph"), named(running_servers, "mercurius")
    for running in running_servers:
        driven(running.peer, bodies(running.peer.dialect, "D0"), 4, 1)
    cells = measured_cells(here, running_servers, pace)
    results: dict[str, Any] = {
        "machine": described(),
        "versions": versions(),
        "servers": {running.peer.name: running.peer.what for running in running_servers},
        "pace": {"rounds": pace.rounds, "seconds": pace.seconds},
        "shapes": MEANING,
        "ratios": ratios(cells),
        "bars": {name: [bar, kind] for name, (*_, bar, kind) in RATIOS.items()},
        "cells": cells,
        "sizes": measured_sizes(here, running_servers, pace),
    }
    results["dashboards"] = measured_shapes(here, ours, theirs, pace)
    say("where the time goes")
    results["profile"] = {shape: profiled(ours, shape, int(pace.beside * 3)) for shape in ("D0", "D", "S")}
    say(f"memory, {pace.minutes:g} minutes")
    results["memory"] = after_a_while(ours, pace.minutes)
    return results


def planned(documents: int) -> dict[str, float]:
    """The figures of bench/planning.py, which measures itself and therefore runs in a process of its own."""
    say("new documents")
    command = [sys.executable, str(HERE / "planning.py"), "--json", "--documents", str(documents)]
    found: dict[str, float] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return found


def named(running_servers: list[Running], name: str) -> Running:
    return next(one for one in running_servers if one.peer.name == name)


def dashboards_again(here: World, running_servers: list[Running], pace: Pace) -> dict[str, Any]:
    """The last results with what dashboards send and what a new document costs measured once more, and said so."""
    results: dict[str, Any] = json.loads((HERE / "results.json").read_text(encoding="utf-8"))
    shapes = measured_shapes(here, named(running_servers, "brokergraph"), named(running_servers, "mercurius"), pace)
    return results | {"dashboards": shapes, "dashboards_apart": True}


def versions() -> dict[str, str]:
    ours = ("strawberry-graphql", "graphql-core", "starlette", "uvicorn", "uvloop", "httpx", "asyncpg", "msgspec")
    theirs = json.loads((HERE / "peers" / "package.json").read_text(encoding="utf-8"))["dependencies"]
    return {name: version(name) for name in ours} | theirs


def say(what: str) -> None:
    sys.stderr.write(f"{what}\n")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--only-dashboards", action="store_true", help="measure that and new documents again, and keep the rest"
    )
    parser.add_argument("--against", metavar="REF", help="measure this checkout and that commit by turns")
    parser.add_argument(
        "--at-most",
        metavar="PERCENT",
        type=float,
        help="with --against: end with status 1 if a figure is worse by more than that",
    )
    parser.add_argument("--rounds", type=int, help="with --against; 5 unless given, or 3 with --quick")
    parser.add_argument("--seconds", type=int, help="with --against: of each server in a round; 4 unless given, or 2")
    return parser.parse_args()


async def against(chosen: argparse.Namespace, pace: Pace) -> int:
    """Print how this checkout differs from another commit; 1 if it is worse than allowed."""
    async with world(scratch()) as here:
        found = await compared(here, chosen.against, chosen.rounds or pace.rounds, chosen.seconds or int(pace.seconds))
    sys.stdout.write(f"{table(found)}\n")
    worse = [one for one in found if one.shape in MEANING and chosen.at_most is not None and one.worse > chosen.at_most]
    for one in worse:
        say(f"{one.shape}, {one.figure}: worse by {one.worse:.1f} %, allowed are {chosen.at_most:g} %")
    return 1 if worse else 0


async def beside_peers(chosen: argparse.Namespace, pace: Pace) -> int:
    """Measure brokergraph and its peers, and write the results."""
    from tests.support.node import installed

    installed(HERE / "peers")
    async with world(scratch()) as here:
        await here.prepare_executors()
        wanted = ("brokergraph", "mercurius") if chosen.only_dashboards else None
        asked = [peer for peer in peers(scratch()) if wanted is None or peer.name in wanted]
        with ExitStack() as stack:
            running_servers = [stack.enter_context(here.running(peer)) for peer in asked]
            # wrk and the profiler are waited for; nothing else wants this loop meanwhile.
            results = (dashboards_again if chosen.only_dashboards else measured)(here, running_servers, pace)
    results["planning"] = planned(pace.documents)
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (HERE / "RESULTS.md").write_text(written(results), encoding="utf-8")
    sys.stdout.write(json.dumps(results["ratios"], indent=1) + "\n")
    return 0


def main() -> int:
    chosen = options()
    need_wrk()
    return asyncio.run((against if chosen.against else beside_peers)(chosen, QUICK if chosen.quick else FULL))


if __name__ == "__main__":
    sys.exit(main())
