"""Callers' budgets over the store of the settings, with a fall-back while the store does not answer."""

from typing import Literal

import msgspec
import structlog

from core.call import BudgetStanding
from core.clock import Clock
from core.secret import Secret
from upstreams.state.budgets.memory import MemoryStore
from upstreams.state.budgets.token_bucket import MOST_PER_MINUTE, BudgetStore, Draw, Level, StoreAway

_log = structlog.get_logger(__name__)

# After a failure the store is not used for this time, so that not every request waits for its time-out.
_STORE_PAUSE_SECONDS = 1.0


class BudgetConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[budget]: the budget of each caller in a minute. The part `mutations_reserved` is only for mutations."""

    store: Literal["off", "memory", "postgresql", "redis"] = "memory"
    cost_per_minute: int = 10_000_000
    mutations_reserved: int = 1_000_000
    redis_url: Secret | None = None
    store_timeout_seconds: float = 0.25

    def __post_init__(self) -> None:
        if not 1 <= self.cost_per_minute <= MOST_PER_MINUTE:
            raise ValueError(f"cost_per_minute must be from 1 to {MOST_PER_MINUTE}")
        if not 0 <= self.mutations_reserved < self.cost_per_minute:
            raise ValueError("mutations_reserved must be less than cost_per_minute, and not negative")
        if self.store == "redis" and self.redis_url is None:
            raise ValueError('redis_url is missing, and store = "redis" needs it')

    @property
    def query_limit(self) -> int:
        return self.cost_per_minute - self.mutations_reserved


class Budgets:
    """Charges the cost of each operation before it runs.

    While the store does not answer, each process uses its own budgets. Requests are then still answered, and each
    process allows a caller one whole budget.
    """

    def __init__(self, store: BudgetStore, config: BudgetConfig, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._local = MemoryStore(clock)
        self._away_until: float | None = None
        # How many draws used this process' own buckets because the store did not answer.
        self.fallbacks = 0

    async def spend(self, principal: str, cost: int, *, mutation: bool) -> BudgetStanding:
        """Draw the cost; draw nothing if the budget is too small (`granted` is then false). A failed store raises no
        error.
        """
        floor = 0 if mutation else self._config.mutations_reserved
        draw = Draw(self._config.cost_per_minute, cost, floor)
        return self._standing(await self._take(principal, draw), draw, mutation=mutation)

    async def aclose(self) -> None:
        await self._store.aclose()

    async def _take(self, principal: str, draw: Draw) -> Level:
        if self._away_until is None or self._clock.monotonic() >= self._away_until:
            try:
                level = await self._store.take(principal, draw)
            except StoreAway as error:
                self._note_away(error)
            else:
                self._note_back()
                return level
        self.fallbacks += 1
        return await self._local.take(principal, draw)

    def _note_away(self, error: StoreAway) -> None:
        if self._away_until is None:
            _log.warning("budget.store_away", store=self._config.store, error=str(error))
        self._away_until = self._clock.monotonic() + _STORE_PAUSE_SECONDS

    def _note_back(self) -> None:
        if self._away_until is not None:
            self._away_until = None
            _log.info("budget.store_back", store=self._config.store)

    def _standing(self, level: Level, draw: Draw, *, mutation: bool) -> BudgetStanding:
        return BudgetStanding(
            granted=level.granted,
            mutation=mutation,
            requested=draw.cost,
            limit=draw.per_minute - draw.floor,
            remaining=max(0, level.whole() - draw.floor),
            full_in_seconds=level.seconds_until(draw.per_minute, draw.per_minute),
            retry_after_seconds=0.0 if level.granted else level.seconds_until(draw.cost + draw.floor, draw.per_minute),
        )
