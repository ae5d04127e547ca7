import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest

from core.errors import System
from core.records import AccountKey, LiveAccountRecord
from resolvers.types.live_account import live_accounts
from upstreams.vendors.kit.live_cache import LiveCache
from upstreams.vendors.kit.protocol import Platform

R1, R2 = AccountKey("R1", "1"), AccountKey("R2", "1")
BALANCE, EQUITY = frozenset({"balance"}), frozenset({"balance", "equity"})


class TurnedClock:
    seconds = 0.0

    def monotonic(self):
        return self.seconds


def record(name):
    return SimpleNamespace(name=name, observed_at=datetime(2026, 1, 1, tzinfo=UTC))


def asked(cache):
    """A cache that was asked before, so that it stores figures."""
    cache.get(R1, BALANCE, 1)
    return cache


def test_nothing_is_cached_without_demand():
    clock = TurnedClock()
    cache = LiveCache(clock)
    cache.put([(R1, record("before anybody asked"))], cache.stamp(BALANCE))
    before = cache.get(R1, BALANCE, 60)
    cache.put([(R1, record("kept"))], cache.stamp(BALANCE))
    after = cache.get(R1, BALANCE, 60)
    clock.seconds = 3601
    cache.put([(R1, record("long after"))], cache.stamp(BALANCE))

    assert before is None
    assert after.name == "kept"
    assert cache.get(R1, BALANCE, 3600) is None


def test_a_figure_is_had_while_it_is_younger_than_asked():
    clock = TurnedClock()
    cache, kept = asked(LiveCache(clock)), record("kept")
    cache.put([(R1, kept)], cache.stamp(BALANCE))

    clock.seconds = 10

    assert cache.get(R1, BALANCE, 10.1) is kept
    assert cache.get(R1, BALANCE, 10) is None
    assert cache.get(R1, BALANCE, 0) is None


def test_the_same_login_on_another_server_is_another_account():
    cache = asked(LiveCache(TurnedClock()))
    cache.put([(R1, record("R1"))], cache.stamp(BALANCE))

    assert cache.get(R2, BALANCE, 60) is None


def test_a_record_without_a_figure_is_not_used_when_the_figure_is_wanted():
    cache, full = asked(LiveCache(TurnedClock())), record("full")
    cache.put([(R1, record("balance alone"))], cache.stamp(BALANCE))
    missing = cache.get(R1, EQUITY, 60)
    cache.put([(R1, full)], cache.stamp(EQUITY))

    assert missing is None
    assert cache.get(R1, BALANCE, 60) is full


def test_an_older_answer_that_comes_later_replaces_nothing_newer():
    clock = TurnedClock()
    cache, newer, full = asked(LiveCache(clock)), record("newer"), record("full")
    before = {wanted: cache.stamp(wanted) for wanted in (BALANCE, EQUITY)}
    clock.seconds = 1
    cache.put([(R1, newer)], cache.stamp(BALANCE))
    clock.seconds = 2
    cache.put([(R1, record("older"))], before[BALANCE])
    kept = cache.get(R1, BALANCE, 60)
    cache.put([(R1, full)], before[EQUITY])

    assert kept is newer
    # What knows more is of use, and is as old as it is.
    assert cache.get(R1, EQUITY, 2.1) is full
    assert cache.get(R1, EQUITY, 2) is None


class SlowPlatform:
    """Each call is answered when its turn comes, with the figure of the moment in which it was asked."""

    batch_max = 200

    def __init__(self):
        self.balance = 0
        self.calls = []

    async def fetch(self, logins, _wanted, _call):
        seen, answer = Decimal(self.balance), asyncio.Event()
        self.calls.append(answer)
        await answer.wait()
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        return {login: LiveAccountRecord(login, moment, System("TOY"), balance=seen) for login in logins}


@pytest.mark.anyio
async def test_a_figure_is_as_old_as_its_question():
    clock, platform = TurnedClock(), SlowPlatform()
    cache = asked(LiveCache(clock))
    limits = SimpleNamespace(single_live_accounts_max=1)
    platforms = {"R1": Platform(name="R1", system=System("TOY"), live=platform)}
    services = SimpleNamespace(upstreams=SimpleNamespace(live_cache=cache, platforms=platforms), limits=limits)
    context = SimpleNamespace(services=services, call=None, fields={"LiveAccount.balance"}, known={})

    async def ask():
        task = asyncio.create_task(live_accounts([SimpleNamespace(key=R1, server="R1", login="1")], context))
        await asyncio.sleep(0)
        return task

    first = await ask()
    clock.seconds, platform.balance = 10, 7
    second = await ask()
    for task, answer in reversed(list(zip((first, second), platform.calls, strict=True))):
        clock.seconds += 1
        answer.set()
        await task

    assert cache.get(R1, BALANCE, 60).balance == 7
    # Asked at 10, at 12 it is two seconds old, whenever its answer came.
    assert cache.get(R1, BALANCE, 2.1) is not None
    assert cache.get(R1, BALANCE, 2) is None


def test_what_was_fetched_longest_ago_goes_first():
    cache = asked(LiveCache(TurnedClock(), most_entries=2))
    third = AccountKey("R3", "1")
    cache.put([(R1, record("R1"))], cache.stamp(BALANCE))
    cache.put([(R2, record("R2"))], cache.stamp(BALANCE))
    cache.put([(R1, record("R1 again"))], cache.stamp(BALANCE))
    cache.put([(third, record("R3"))], cache.stamp(BALANCE))

    assert [cache.get(key, BALANCE, 60) is not None for key in (R1, R2, third)] == [True, False, True]
