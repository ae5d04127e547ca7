"""A process that spends as much of one caller's budget as it gets: what was granted, first and last millisecond."""

import asyncio
import sys

from support.limits_stores import OPENERS
from upstreams.state.budgets.token_bucket import Draw, Level

DRAW = Draw(per_minute=600, cost=1, floor=0)


async def spend(kind: str, principal: str, url: str) -> list[Level]:
    async with OPENERS[kind](url) as store:
        await store.take(f"{principal} warms up", DRAW)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()

        async def some() -> list[Level]:
            return [await store.take(principal, DRAW) for _ in range(250)]

        return [answer for answers in await asyncio.gather(*(some() for _ in range(4))) for answer in answers]


if __name__ == "__main__":
    answers = asyncio.run(spend(sys.argv[1], sys.argv[2], sys.stdin.readline().strip()))
    moments = [answer.at for answer in answers]
    sys.stdout.write(f"{sum(answer.granted for answer in answers)} {min(moments)} {max(moments)}\n")
