"""make bench: brokergraph and its peers on the same data, side by side. --quick takes under ten minutes.

Writes bench/RESULTS.md and bench/results.json. Needs wrk and a C compiler; the peers come from npm, node from the wheel.
"""

import argparse
import asyncio
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from measure import cell, check, medians, need_wrk, scratch  # noqa: E402 - the folder is no package.
from world import Running, peers, world  # noqa: E402

from tests.node import installed  # noqa: E402

CONNECTIONS = {"S": 16, "D": 16, "L": 4}


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--rounds", type=int)
    options.add_argument("--seconds", type=float)
    options.add_argument("--only", nargs="*")
    options.add_argument("--shapes", nargs="*", default=["D", "D0", "S", "S0", "L"])
    asked = options.parse_args()
    rounds, seconds = asked.rounds or (3 if asked.quick else 7), asked.seconds or (3 if asked.quick else 6)
    need_wrk()
    installed(HERE / "peers")
    folder = scratch()
    async with world(folder) as here:
        everybody: list[Running] = []
        try:
            for peer in peers(folder):
                if not asked.only or peer.name in asked.only:
                    everybody.append(here.start(peer))
            print(check(everybody, tuple(asked.shapes)))
            for shape in asked.shapes:
                found = cell(here, everybody, shape, CONNECTIONS[shape[0]], rounds, seconds)
                for name, all_rounds in found.items():
                    print(shape, name, {key: round(value, 3) for key, value in medians(all_rounds).items()})
        finally:
            for running in everybody:
                running.process.kill()
                running.process.wait()


if __name__ == "__main__":
    asyncio.run(main())
