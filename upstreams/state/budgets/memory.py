"""Budgets of one process."""

from collections import OrderedDict

from core.clock import Clock
from upstreams.state.budgets.token_bucket import SCALE, Draw, Level, full

_MILLISECONDS = 1000


class MemoryStore:
    """Holds the buckets of callers that drew within the last minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, Level] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    async def take(self, principal: str, draw: Draw) -> Level:
        now = int(self._clock.monotonic() * _MILLISECONDS)
        self._forget(now)
        level = (self._buckets.get(principal) or full(draw, now)).drawn(draw, now)
        self._buckets[principal] = level
        self._buckets.move_to_end(principal)
        return level

    async def aclose(self) -> None:
        self._buckets.clear()

    def _forget(self, now: int) -> None:
        while self._buckets:
            principal, level = next(iter(self._buckets.items()))
            if now - level.at < SCALE:
                return
            del self._buckets[principal]
