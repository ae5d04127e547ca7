"""Shared calls of list resolvers: which callers share one, and how long an answer is kept for later callers."""

import asyncio
import weakref
from contextlib import closing

import pytest

from engine.batching import Batcher

pytestmark = pytest.mark.anyio


class Answer:
    def __init__(self, key):
        self.key = key


class Resolver:
    def __init__(self):
        self.calls = []
        self.alive = weakref.WeakValueDictionary()

    async def answer(self, parents, _context, **arguments):
        self.calls.append((list(parents), arguments))
        answers = [Answer(parent) for parent in parents]
        self.alive.update({answer.key: answer for answer in answers})
        return answers


async def keys_of(batcher, resolver, keys, **arguments):
    return [answer.key for answer in await batcher.load(resolver.answer, keys, keys, arguments)]


async def test_callers_of_the_same_turn_share_a_call_and_every_key_is_asked_once():
    resolver = Resolver()
    with closing(Batcher(None, {})) as batcher:
        answers = await asyncio.gather(*(keys_of(batcher, resolver, keys) for keys in ([1, 2], [3], [2, 4, 2], [1])))
        again = await keys_of(batcher, resolver, [4, 5, 1])
        other = await keys_of(batcher, resolver, [1], age=3)

    assert [*answers, again, other] == [[1, 2], [3], [2, 4, 2], [1], [4, 5, 1], [1]]
    assert resolver.calls == [([1, 2, 3, 4], {}), ([5], {}), ([1], {"age": 3})]


async def test_answers_are_kept_until_the_last_expected_call():
    resolver = Resolver()
    with closing(Batcher(None, {resolver.answer: 3})) as batcher:
        assert await keys_of(batcher, resolver, [1, 2]) == [1, 2]
        assert await keys_of(batcher, resolver, [1], age=3) == [1]
        assert set(resolver.alive) == {1, 2}
        assert await keys_of(batcher, resolver, [2, 3]) == [2, 3]
        assert set(resolver.alive) == set()

        assert resolver.calls == [([1, 2], {}), ([1], {"age": 3}), ([3], {})]
        # One call more than expected is answered as well.
        assert await keys_of(batcher, resolver, [3]) == [3]


async def test_all_answers_are_kept_when_the_number_of_calls_is_unknown():
    resolver = Resolver()
    with closing(Batcher(None, {})) as batcher:
        for _ in range(3):
            await keys_of(batcher, resolver, [1, 2])
            assert set(resolver.alive) == {1, 2}

    assert len(resolver.calls) == 1
