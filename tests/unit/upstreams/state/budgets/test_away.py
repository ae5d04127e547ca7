"""A store that is away: callers are served, and each process keeps the budgets by itself."""

import pytest
import structlog

from core.clock import Clock
from core.secret import Secret
from upstreams.state.budgets.budgets import BudgetConfig, Budgets
from upstreams.state.budgets.memory import MemoryStore
from upstreams.state.budgets.redis import RedisStore
from upstreams.state.budgets.token_bucket import Draw, Level, StoreAway

pytestmark = pytest.mark.anyio

CONFIG = BudgetConfig(store="postgresql", cost_per_minute=100, mutations_reserved=20)


class Wayward:
    """A store that can be sent away."""

    def __init__(self, clock: Clock) -> None:
        self.inner = MemoryStore(clock)
        self.away = False
        self.asked = 0

    async def take(self, principal: str, draw: Draw) -> Level:
        self.asked += 1
        if self.away:
            raise StoreAway("gone")
        return await self.inner.take(principal, draw)

    async def aclose(self) -> None: ...


class HandClock(Clock):
    seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


async def test_without_the_store_a_process_keeps_budgets_by_itself():
    clock = HandClock()
    store = Wayward(clock)
    budgets = Budgets(store, CONFIG, clock)
    store.away = True

    with structlog.testing.capture_logs() as lines:
        answers = [await budgets.spend("ann", 30, mutation=False) for _ in range(3)]

    assert [answer.granted for answer in answers] == [True, True, False]
    assert store.asked == 1
    assert budgets.fallbacks == 3
    assert [line["event"] for line in lines] == ["budget.store_away"]


async def test_the_store_is_asked_again_after_a_moment():
    clock = HandClock()
    store = Wayward(clock)
    budgets = Budgets(store, CONFIG, clock)
    store.away = True
    await budgets.spend("ann", 30, mutation=False)

    store.away, clock.seconds = False, clock.seconds + 1
    with structlog.testing.capture_logs() as lines:
        standing = await budgets.spend("ann", 30, mutation=False)

    assert (store.asked, budgets.fallbacks, standing.remaining) == (2, 1, 50)
    assert [line["event"] for line in lines] == ["budget.store_back"]


async def test_a_redis_that_does_not_answer_is_away_and_named_without_its_address():
    store = RedisStore(Secret("redis://user:hunter2@127.0.0.1:1/0"), 0.2)

    with pytest.raises(StoreAway) as failed:
        await store.take("ann", Draw(60, 1, 0))

    assert "hunter2" not in str(failed.value)
    await store.aclose()


async def test_what_a_caller_is_told():
    clock = HandClock()
    budgets = Budgets(MemoryStore(clock), CONFIG, clock)

    query = await budgets.spend("ann", 80, mutation=False)
    refused = await budgets.spend("ann", 10, mutation=False)
    order = await budgets.spend("ann", 20, mutation=True)

    assert (query.limit, query.remaining, query.full_in_seconds) == (80, 0, 48.0)
    assert (refused.granted, refused.retry_after_seconds) == (False, 6.0)
    assert (order.granted, order.limit, order.remaining) == (True, 100, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"cost_per_minute": 0}, {"cost_per_minute": 10, "mutations_reserved": 10}, {"store": "redis"}],
)
def test_settings_that_cannot_be(wrong):
    with pytest.raises(ValueError, match=r"must be|missing"):
        BudgetConfig(**wrong)
