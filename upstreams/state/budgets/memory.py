"""Budgets of one process."""

import math

from cachetools import TTLCache

from core.clock import Clock
from upstreams.state.budgets.token_bucket import SCALE, Draw, Level, full

_MILLISECONDS = 1000


class MemoryStore:
    """Holds the buckets of callers that drew within the last minute. After a minute a bucket is full again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: TTLCache[str, Level] = TTLCache(math.inf, SCALE, timer=self._now)

    def __len__(self) -> int:
        return len(self._buckets)

    async def take(self, principal: str, draw: Draw) -> Level:
        now = self._now()
        try:
            level = self._buckets[principal]
        except KeyError:
            level = full(draw, now)
        self._buckets[principal] = drawn = level.drawn(draw, now)
        return drawn

    async def aclose(self) -> None:
        self._buckets.clear()

    def _now(self) -> int:
        return int(self._clock.monotonic() * _MILLISECONDS)
