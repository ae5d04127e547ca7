from support.vendor_calls import HandClock

from upstreams.flow.circuit_breaker import Breaker
from upstreams.flow.retry_budget import RetryBudget


def opened(clock: HandClock) -> Breaker:
    breaker = Breaker(clock, failures=3, open_seconds=5)
    for _ in range(3):
        breaker.enter()
        breaker.record_failure()
    return breaker


def test_it_opens_after_failures_in_a_row_only():
    breaker = Breaker(HandClock(), failures=3, open_seconds=5)
    for fails in (True, True, False, True, True):
        breaker.enter()
        if fails:
            breaker.record_failure()
        else:
            breaker.record_success()

    assert breaker.wait_seconds() == 0
    assert not breaker.is_open


def test_an_open_one_says_how_long():
    clock = HandClock()
    breaker = opened(clock)
    clock.seconds += 2

    assert breaker.wait_seconds() == 3


def test_one_probe_goes_out_and_its_success_closes_it():
    clock = HandClock()
    breaker = opened(clock)
    clock.seconds += 5

    assert breaker.wait_seconds() == 0
    breaker.enter()
    assert breaker.wait_seconds() == 5
    breaker.record_success()
    assert breaker.wait_seconds() == 0
    assert not breaker.is_open


def test_a_probe_that_fails_opens_it_again():
    clock = HandClock()
    breaker = opened(clock)
    clock.seconds += 5
    breaker.enter()
    breaker.record_failure()

    assert breaker.wait_seconds() == 5


def test_an_abandoned_probe_allows_the_next_probe():
    clock = HandClock()
    breaker = opened(clock)
    clock.seconds += 5
    breaker.enter()
    breaker.record_abandoned()

    assert breaker.wait_seconds() == 0
    assert breaker.is_open


def test_calls_that_were_under_way_when_it_opened_do_not_keep_it_open():
    clock = HandClock()
    breaker = opened(clock)
    clock.seconds += 4
    breaker.record_failure()

    assert breaker.wait_seconds() == 1


def test_retries_are_a_fifth_of_the_calls_and_ten():
    budget = RetryBudget()
    for _ in range(100):
        budget.record_call()

    assert [budget.take() for _ in range(31)] == [True] * 30 + [False]
