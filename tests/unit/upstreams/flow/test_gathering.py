"""How long a call waits for further requests, in turns of the event loop."""

import asyncio

import pytest

from core.call import Call, Tally
from core.clock import Clock, Deadline
from core.errors import Misunderstood
from upstreams.flow.coalescing import Coalescing, Sharing

pytestmark = pytest.mark.anyio


class Upstream:
    """Notes the keys of each call."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.coalescing = Coalescing(self._ask, Sharing(2, 1000), too_late=Misunderstood, away=False)
        self._tasks: list[asyncio.Task] = []

    async def _ask(self, _question, keys, _call):
        self.calls.append(list(keys))
        return {key: key for key in keys}

    def request(self, key: int) -> None:
        call = Call(Deadline.after(20.0, Clock()), Tally(), f"request {key}")
        self._tasks.append(asyncio.create_task(self.coalescing.ask("question", [key], call)))

    async def requests(self, *turns: list[int]) -> list[list[int]]:
        """Start requests, those of each list in a turn of its own. Returns the keys of each call."""
        for turn in turns:
            for key in turn:
                self.request(key)
            await asyncio.sleep(0)
        await asyncio.gather(*self._tasks)
        return self.calls


async def test_a_request_that_is_alone_does_not_wait_for_a_request_of_the_next_turn():
    assert await Upstream().requests([1], [], [2]) == [[1], [2]]


async def test_a_call_of_several_requests_waits_for_the_requests_of_the_next_turn():
    assert await Upstream().requests([1, 2], [3], [4]) == [[1, 2, 3, 4]]


async def test_a_call_does_not_wait_after_a_turn_without_a_request():
    assert await Upstream().requests([1, 2], [], [], [3]) == [[1, 2], [3]]


async def test_a_call_waits_for_few_turns_although_each_brings_a_request():
    calls = await Upstream().requests([1, 2], *([key] for key in range(3, 20)))

    assert calls[0] == [1, 2, 3, 4, 5]
    assert [key for keys in calls for key in keys] == list(range(1, 20))
