"""One poll for all watches: the current value first, then the newest after each change, whatever their number."""

import asyncio
from collections import Counter

import pytest
from support.polling import PATIENCE_SECONDS, until

from upstreams.flow.shared_poll import SharedPoll, Watch

pytestmark = pytest.mark.anyio
# Long enough that no second interval begins in a test that counts reads.
LONG = 1000.0


class Source:
    """Values that a test changes, and the reads of them."""

    def __init__(self, **values):
        self.values = values
        self.reads = []

    async def fetch(self, keys, _seconds=0.0):
        self.reads.append(sorted(keys))
        return {key: self.values[key] for key in keys}


def poll_of(source):
    return SharedPoll(source.fetch, lambda one, other: one == other)


async def taken(watch, number):
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [await watch.next() for _ in range(number)]


async def test_a_watch_gets_the_current_value_of_each_key_first():
    source = Source(a=1, b=2, c=3)
    poll, watch = poll_of(source), Watch(LONG)
    poll.join(watch, ["a", "b"])

    assert sorted(await taken(watch, 2)) == [("a", 1), ("b", 2)]
    assert source.reads == [["a", "b"]]
    poll.leave(watch, ["a", "b"])
    await poll.aclose()


async def test_only_changes_are_sent_and_the_newest_replaces_older_ones():
    source = Source(a=1, b=1)
    poll, watch = poll_of(source), Watch(0.005)
    poll.join(watch, ["a", "b"])
    await taken(watch, 2)
    for value in range(2, 20):
        source.values["a"] = value
        reads = len(source.reads)
        await until(lambda reads=reads: len(source.reads) > reads + 1)

    assert await taken(watch, 1) == [("a", 19)]
    source.values["b"] = 5
    assert await taken(watch, 1) == [("b", 5)]
    poll.leave(watch, ["a", "b"])
    await poll.aclose()


async def test_the_reads_do_not_depend_on_the_number_of_watches():
    source = Source(a=1)
    poll, watches = poll_of(source), [Watch(LONG) for _ in range(1000)]
    for watch in watches:
        poll.join(watch, ["a"])
    for watch in watches:
        assert await taken(watch, 1) == [("a", 1)]

    assert source.reads == [["a"]]
    for watch in watches:
        poll.leave(watch, ["a"])
    await poll.aclose()


async def test_reading_stops_with_the_last_watch_and_begins_again():
    source = Source(a=1)
    poll, watch = poll_of(source), Watch(0.005)
    poll.join(watch, ["a"])
    await taken(watch, 1)
    poll.leave(watch, ["a"])
    await until(poll._task.done)  # noqa: SLF001 - there is no other sign that reading has stopped.
    reads, source.values["a"] = len(source.reads), 2

    poll.join(watch, ["a"])
    assert await taken(watch, 1) == [("a", 2)]
    assert len(source.reads) > reads
    poll.leave(watch, ["a"])
    await poll.aclose()


async def test_a_new_key_is_read_at_once_and_alone():
    source = Source(a=1, b=2)
    poll, one, two = poll_of(source), Watch(LONG), Watch(LONG)
    poll.join(one, ["a"])
    await taken(one, 1)
    poll.join(two, ["a", "b"])

    assert sorted(await taken(two, 2)) == [("a", 1), ("b", 2)]
    assert source.reads == [["a"], ["b"]]
    poll.leave(one, ["a"])
    poll.leave(two, ["a", "b"])
    await poll.aclose()


async def test_a_read_that_fails_is_tried_again():
    source, failures = Source(a=1), Counter()

    async def fetch(keys, _seconds):
        failures["reads"] += 1
        if failures["reads"] < 3:
            raise RuntimeError
        return await source.fetch(keys)

    poll, watch = SharedPoll(fetch, lambda one, other: one == other), Watch(0.005)
    poll.join(watch, ["a"])
    assert await taken(watch, 1) == [("a", 1)]
    poll.leave(watch, ["a"])
    await poll.aclose()
