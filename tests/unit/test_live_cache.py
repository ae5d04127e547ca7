from datetime import UTC, datetime
from types import SimpleNamespace

from upstreams.live_cache import LiveCache
from upstreams.records import AccountKey

R1, R2 = AccountKey("R1", "1"), AccountKey("R2", "1")
BALANCE, EQUITY = frozenset({"balance"}), frozenset({"balance", "equity"})


class TurnedClock:
    seconds = 0.0

    def monotonic(self):
        return self.seconds


def record(name):
    return SimpleNamespace(name=name, observed_at=datetime(2026, 1, 1, tzinfo=UTC))


def asked(cache):
    """One that somebody has asked before, so that it knows that it is wanted."""
    cache.get(R1, BALANCE, 1)
    return cache


def test_nothing_is_kept_for_nobody():
    clock = TurnedClock()
    cache = LiveCache(clock)
    cache.put([(R1, record("before anybody asked"))], BALANCE)
    before = cache.get(R1, BALANCE, 60)
    cache.put([(R1, record("kept"))], BALANCE)
    after = cache.get(R1, BALANCE, 60)
    clock.seconds = 3601
    cache.put([(R1, record("long after"))], BALANCE)

    assert before is None
    assert after.name == "kept"
    assert cache.get(R1, BALANCE, 3600) is None


def test_a_figure_is_had_while_it_is_younger_than_asked():
    clock = TurnedClock()
    cache, kept = asked(LiveCache(clock)), record("kept")
    cache.put([(R1, kept)], BALANCE)

    clock.seconds = 10

    assert cache.get(R1, BALANCE, 10.1) is kept
    assert cache.get(R1, BALANCE, 10) is None
    assert cache.get(R1, BALANCE, 0) is None


def test_the_same_login_on_another_server_is_another_account():
    cache = asked(LiveCache(TurnedClock()))
    cache.put([(R1, record("R1"))], BALANCE)

    assert cache.get(R2, BALANCE, 60) is None


def test_what_was_fetched_without_a_figure_does_not_serve_who_wants_it():
    cache, full = asked(LiveCache(TurnedClock())), record("full")
    cache.put([(R1, record("balance alone"))], BALANCE)
    missing = cache.get(R1, EQUITY, 60)
    cache.put([(R1, full)], EQUITY)

    assert missing is None
    assert cache.get(R1, BALANCE, 60) is full


def test_what_was_fetched_longest_ago_goes_first():
    cache = asked(LiveCache(TurnedClock(), most_entries=2))
    third = AccountKey("R3", "1")
    cache.put([(R1, record("R1"))], BALANCE)
    cache.put([(R2, record("R2"))], BALANCE)
    cache.put([(R1, record("R1 again"))], BALANCE)
    cache.put([(third, record("R3"))], BALANCE)

    assert [cache.get(key, BALANCE, 60) is not None for key in (R1, R2, third)] == [True, False, True]
