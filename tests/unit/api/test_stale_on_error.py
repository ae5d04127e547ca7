"""The cache that serves its last known values while its store does not answer."""

import pytest
from support.vendor_calls import HandClock

from api.stale_on_error import StaleOnErrorCache
from core.errors import System, Unavailable

pytestmark = pytest.mark.anyio


class Store:
    def __init__(self, **values):
        self.values = values
        self.is_away = False
        self.asked = []

    def load(self, key):
        async def load():
            self.asked.append(key)
            if self.is_away:
                raise Unavailable("away", system=System("STATE_DATABASE"))
            return self.values.get(key)

        return load


class Case:
    """Values are fresh for 10 seconds and stale for 300."""

    def __init__(self, store, *bounds):
        self.clock, self.store = HandClock(), store
        self.clock.seconds = 0.0
        self.cache = StaleOnErrorCache(self.clock, 10, 300, *(bounds or (1000,)))

    async def get(self, key, at):
        self.clock.seconds = at
        return await self.cache.get(key, self.store.load(key))


async def test_a_fresh_value_is_served_without_the_store_and_so_is_its_absence():
    case = Case(Store(a="1"))

    assert [await case.get(key, at) for key in "ab" for at in (0, 9.9, 10)] == ["1", "1", "1", None, None, None]
    assert case.store.asked == ["a", "a", "b", "b"]


async def test_a_stale_value_is_served_while_the_store_is_away_until_it_is_too_old():
    case = Case(Store(a="1"))
    await case.get("a", 0)
    case.store.is_away = True

    assert await case.get("a", 299) == "1"
    with pytest.raises(Unavailable):
        await case.get("a", 300)


async def test_a_store_that_is_away_is_left_alone_for_a_while():
    case = Case(Store(a="1"))
    await case.get("a", 0)
    case.store.is_away = True
    for at in (10, 11, 19):
        assert await case.get("a", at) == "1"
    case.store.is_away, case.store.values = False, {"a": "2"}

    assert len(case.store.asked) == 2
    assert await case.get("a", 20) == "2"


async def test_an_absence_and_an_unknown_key_are_not_served_while_the_store_is_away():
    case = Case(Store())
    await case.get("a", 0)
    case.store.is_away = True

    for key in "ab":
        with pytest.raises(Unavailable):
            await case.get(key, 10)


async def test_an_equal_value_from_the_store_leaves_the_object_from_before():
    case = Case(Store(a=["x"]))
    first = await case.get("a", 0)
    case.store.values["a"] = ["x"]

    assert await case.get("a", 10) is first


async def test_values_are_bounded_by_their_size_and_the_least_recently_used_leaves_first():
    case = Case(Store(a="1" * 4, b="2" * 4, c="3" * 4, large="4" * 11), 10, lambda value: len(value or ""))
    for key in ("a", "b", "a", "c", "large"):
        await case.get(key, 0)
    case.store.asked.clear()

    for key in ("a", "c", "b", "large"):
        await case.get(key, 1)

    assert case.store.asked == ["b", "large"]
