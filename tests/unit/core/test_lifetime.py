"""The lifetime of a request: its slot while it waits, and its cancellation when its client disconnects."""

import asyncio

import pytest

from core.lifetime import ClientDisconnected, Lifetime, Slot

pytestmark = pytest.mark.anyio


class NotedSlot(Slot):
    def __init__(self):
        self.noted = []

    def release(self):
        self.noted.append("released")

    def take(self):
        self.noted.append("taken")


def test_several_calls_at_the_same_time_release_the_slot_once():
    slot = NotedSlot()
    lifetime = Lifetime(slot)

    with lifetime.waiting_for_vendor(), pytest.raises(KeyError), lifetime.waiting_for_vendor():
        raise KeyError

    with lifetime.waiting_for_vendor():
        assert slot.noted == ["released", "taken", "released"]
    assert slot.noted[2:] == ["released", "taken"]


async def run_until_waiting(lifetime, body):
    waiting = asyncio.Event()

    async def work():
        with body:
            waiting.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await waiting.wait()
    return task


async def test_a_request_is_cancelled_by_its_disconnect_and_says_why():
    lifetime = Lifetime()
    task = await run_until_waiting(lifetime, lifetime.cancellable())

    lifetime.disconnect()

    with pytest.raises(ClientDisconnected):
        await task
    assert not task.cancelled()


async def test_another_cancellation_stays_one_even_with_a_disconnect():
    for disconnects in (False, True):
        lifetime = Lifetime()
        task = await run_until_waiting(lifetime, lifetime.cancellable())
        if disconnects:
            lifetime.disconnect()
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_disconnect_outside_of_the_cancellable_part_does_nothing():
    lifetime = Lifetime()
    lifetime.disconnect()
    with lifetime.cancellable():
        await asyncio.sleep(0)
    lifetime.disconnect()
    await asyncio.sleep(0)
