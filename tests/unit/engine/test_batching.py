"""Shared calls of list resolvers: who shares one, and how long an answer is kept for whoever may still ask."""

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


async def test_who_asks_in_the_same_turn_shares_a_call_and_every_key_is_asked_once():
    resolver = Resolver()
    with closing(Batcher(None, {})) as batcher:
        answers = await asyncio.gather(*(keys_of(batcher, resolver, keys) for keys in ([1, 2], [3], [2, 4, 2], [1])))
        again = await keys_of(batcher, resolver, [4, 5, 1])
        other = await keys_of(batcher, resolver, [1], age=3)

    assert [*answers, again, other] == [[1, 2], [3], [2, 4, 2], [1], [4, 5, 1], [1]]
    assert resolver.calls == [([1, 2, 3, 4], {}), ([5], {}), ([1], {"age": 3})]


async def test_answers_are_kept_until_the_last_who_may_ask():
    resolver = Resolver()
    with closing(Batcher(None, {resolver.answer: 3})) as batcher:
        assert await keys_of(batcher, resolver, [1, 2]) == [1, 2]
        assert await keys_of(batcher, resolver, [1], age=3) == [1]
        assert set(resolver.alive) == {1, 2}
        assert await keys_of(batcher, resolver, [2, 3]) == [2, 3]
        assert set(resolver.alive) == set()

        assert resolver.calls == [([1, 2], {}), ([1], {"age": 3}), ([3], {})]
        # One more than was said: it is answered all the same.
        assert await keys_of(batcher, resolver, [3]) == [3]


async def test_where_nobody_said_how_many_will_ask_all_is_kept():
    resolver = Resolver()
    with closing(Batcher(None, {})) as batcher:
        for _ in range(3):
            await keys_of(batcher, resolver, [1, 2])
            assert set(resolver.alive) == {1, 2}

    assert len(resolver.calls) == 1
