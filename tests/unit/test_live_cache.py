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


def test_a_figure_is_had_while_it_is_younger_than_asked():
    clock = TurnedClock()
    cache, kept = LiveCache(clock), record("kept")
    cache.put(R1, BALANCE, kept)

    clock.seconds = 10

    assert cache.get(R1, BALANCE, 10.1) is kept
    assert cache.get(R1, BALANCE, 10) is None
    assert cache.get(R1, BALANCE, 0) is None


def test_the_same_login_on_another_server_is_another_account():
    cache = LiveCache(TurnedClock())
    cache.put(R1, BALANCE, record("R1"))

    assert cache.get(R2, BALANCE, 60) is None


def test_what_was_fetched_without_a_figure_does_not_serve_who_wants_it():
    cache, full = LiveCache(TurnedClock()), record("full")
    cache.put(R1, BALANCE, record("balance alone"))
    missing = cache.get(R1, EQUITY, 60)
    cache.put(R1, EQUITY, full)

    assert missing is None
    assert cache.get(R1, BALANCE, 60) is full


def test_what_is_longest_unused_goes_first():
    cache = LiveCache(TurnedClock(), most_entries=2)
    third = AccountKey("R3", "1")
    cache.put(R1, BALANCE, record("R1"))
    cache.put(R2, BALANCE, record("R2"))
    cache.get(R1, BALANCE, 60)
    cache.put(third, BALANCE, record("R3"))

    assert [cache.get(key, BALANCE, 60) is not None for key in (R1, R2, third)] == [True, False, True]
