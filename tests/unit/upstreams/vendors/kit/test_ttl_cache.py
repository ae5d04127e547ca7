import pytest
from support.vendor_calls import HandClock, a_call

from core.errors import System
from upstreams.http.failures import Failures
from upstreams.vendors.kit.ttl_cache import SharedAnswer

pytestmark = pytest.mark.anyio


class Source:
    """Fetches numbers, each `seconds` after its question."""

    def __init__(self, clock: HandClock, seconds: float = 0.0) -> None:
        self.clock = clock
        self.seconds = seconds
        self.fetched = 0

    async def fetch(self, _call) -> int:
        self.clock.seconds += self.seconds
        self.fetched += 1
        return self.fetched


def shared(clock: HandClock) -> SharedAnswer[int]:
    return SharedAnswer(clock, Failures(System("CPLUGIN"), "cplugin"), max_age_seconds=10.0, fetch_seconds=5.0)


async def test_an_answer_is_kept_until_its_question_is_too_old():
    clock = HandClock()
    answers, source = shared(clock), Source(clock, seconds=4.0)

    found = []
    for pause in (0.0, 5.9, 0.1):
        clock.seconds += pause
        found.append(await answers.get("margins", source.fetch, a_call()))

    assert found == [1, 1, 2]


async def test_the_answer_that_was_used_longest_ago_leaves_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(SharedAnswer, "MOST_KEPT", 2)
    clock = HandClock()
    answers, source = shared(clock), Source(clock)

    found = [await answers.get(group, source.fetch, a_call()) for group in ("a", "b", "a", "c", "a", "b")]

    assert found == [1, 2, 1, 3, 1, 4]
