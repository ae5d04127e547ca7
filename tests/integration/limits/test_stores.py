"""Three stores, one rule: what any of them answers is what token_bucket.py says at the moment that the store names."""

import asyncio
import secrets
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from redis.asyncio import Redis
from support.limits_stores import OPENERS

from core.clock import Clock
from upstreams.state.budgets.memory import MemoryStore
from upstreams.state.budgets.token_bucket import SCALE, Draw, Level, full

pytestmark = pytest.mark.anyio

PER_MINUTE = 30_000  # Half a unit each millisecond: time shows within a test.

draws = some.lists(
    some.tuples(
        some.sampled_from(["ann", "bob"]),
        some.integers(0, 20_000),
        some.sampled_from([0, 3_000]),
        some.sampled_from([0.0, 0.0, 0.003]),
    ),
    min_size=1,
    max_size=15,
)


def test_every_store_follows_the_rule(opened):
    @settings(max_examples=25)
    @given(draws)
    def follows(asked):
        asyncio.run(compared(opened, asked))

    follows()


async def compared(opened, asked):
    run, kept = secrets.token_hex(4), {}
    async with opened() as store:
        for name, cost, floor, pause in asked:
            await asyncio.sleep(pause)
            draw = Draw(PER_MINUTE, cost, floor)
            answered = await store.take(f"{run}-{name}", draw)
            kept[name] = kept.get(name, full(draw, answered.at)).drawn(draw, answered.at)
            assert answered == kept[name]


@given(
    level=some.integers(0, 100 * SCALE),
    pauses=some.lists(some.tuples(some.integers(-5_000, 90_000), some.integers(0, 150)), max_size=30),
)
def test_no_rhythm_gets_more_than_a_bucket_and_what_time_brings(level, pauses):
    bucket, now, spent = Level(level, 0), 0, 0
    for pause, cost in pauses:
        now = max(0, now + pause)
        bucket = bucket.drawn(Draw(100, cost, 10), now)
        spent += cost if bucket.granted else 0
        assert 0 <= bucket.level <= 100 * SCALE
        assert spent * SCALE <= level + bucket.at * 100
        assert bucket.granted is False or cost == 0 or bucket.whole() >= 10


async def test_what_is_reserved_is_out_of_queries_reach(store):
    principal = secrets.token_hex(8)

    answers = [await store.take(principal, Draw(60, 20, 20)) for _ in range(3)]
    order = await store.take(principal, Draw(60, 20, 0))

    assert [answer.granted for answer in answers] == [True, True, False]
    assert order.granted


async def test_a_refusal_takes_nothing_and_says_when(store):
    principal = secrets.token_hex(8)
    await store.take(principal, Draw(60, 50, 0))

    refused = [await store.take(principal, Draw(60, 30, 0)) for _ in range(3)]

    assert not any(answer.granted for answer in refused)
    assert 10 <= refused[-1].whole() <= 11
    assert 18 < refused[-1].seconds_until(30, 60) <= 20


async def test_a_smaller_budget_holds_at_once(store):
    principal = secrets.token_hex(8)
    await store.take(principal, Draw(1_000, 1, 0))

    assert (await store.take(principal, Draw(10, 11, 0))).granted is False
    assert (await store.take(principal, Draw(10, 10, 0))).granted is True


async def test_many_at_once_never_overspend(store):
    principal = secrets.token_hex(8)

    answers = await asyncio.gather(*(store.take(principal, Draw(60, 1, 0)) for _ in range(100)))

    # At one unit a second, the test would have to last to see another.
    seconds = (max(answer.at for answer in answers) - min(answer.at for answer in answers)) / 1000
    assert 60 <= sum(answer.granted for answer in answers) <= 60 + seconds


@pytest.mark.parametrize("kind", ["postgresql", "redis"])
def test_two_processes_never_overspend(kind, request):
    url = request.getfixturevalue({"postgresql": "state_url", "redis": "redis_url"}[kind])
    command = [sys.executable, "-m", "support.spender", kind, secrets.token_hex(8)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": Path(__file__).parents[2]}
    children = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for child in children:
        child.stdin.write(f"{url}\n")
        child.stdin.flush()
        assert child.stdout.readline() == "ready\n"

    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [[int(word) for word in child.communicate(timeout=60)[0].split()] for child in children]

    seconds = (max(last for _, _, last in answers) - min(first for _, first, _ in answers)) / 1000
    assert 600 <= sum(granted for granted, _, _ in answers) <= 600 + seconds * 10 + 1
    assert all(granted > 0 for granted, _, _ in answers)


async def test_idle_callers_are_forgotten_in_memory():
    clock = Clock()
    store = MemoryStore(clock)
    clock.monotonic = lambda: 100.0
    for number in range(1_000):
        await store.take(f"caller {number}", Draw(60, 1, 0))
    assert len(store) == 1_000

    clock.monotonic = lambda: 160.0
    await store.take("another", Draw(60, 1, 0))

    assert len(store) == 1


async def test_idle_callers_are_forgotten_by_postgresql(state_url):
    connection = await asyncpg.connect(state_url)
    async with OPENERS["postgresql"](state_url) as store:
        await store.take("gone", Draw(60, 1, 0))
        await store.take("here", Draw(60, 1, 0))
        await connection.execute("UPDATE brokergraph.budget SET at_ms = at_ms - 61000 WHERE principal = 'gone'")

        store.forgotten_at -= 60
        await store.take("another", Draw(60, 1, 0))

    left = {row["principal"] for row in await connection.fetch("SELECT principal FROM brokergraph.budget")}
    await connection.close()
    assert left & {"gone", "here", "another"} == {"here", "another"}


async def test_idle_callers_are_forgotten_by_redis(redis_url):
    async with OPENERS["redis"](redis_url) as store:
        await store.take("gone", Draw(60, 1, 0))

    async with Redis.from_url(redis_url) as client:
        assert 0 < await client.pttl("brokergraph:budget:gone") <= SCALE
