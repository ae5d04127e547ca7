"""Each event reaches each receiver at least once, in order for its instruction, whatever one receiver does."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
import structlog
from support.polling import PATIENCE_SECONDS, until
from support.receivers import OK, Receiver, receiving, status
from support.senders import KEY, HandClock, add_hook, listed, sender_of, sending
from support.webhooks import assert_complete, is_complete, write

from api.webhook_secrets import SecretBox
from api.webhooks import message_writer
from core.secret import Secret
from instructions.webhook_message import make_secret
from resolvers.fields.ids import INSTRUCTION_EVENTS, INSTRUCTION_ID
from upstreams.state.instruction_log import InstructionLog
from upstreams.state.webhooks import WebhookStore

pytestmark = pytest.mark.anyio
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def test_a_receiver_gets_every_event_once_with_ids_and_a_status_alone(scratch):
    database, _ = scratch
    async with receiving() as receiver:
        identity, secret = await add_hook(database, receiver.url)
        async with sending(database) as sender:
            [one] = await write(database, 1)
            await until(lambda: sender.outcomes["delivered"] == 3)

    assert_complete(receiver, [one])
    receiver.verify(secret)
    assert len(receiver.got) == 3
    headers, body = receiver.got[2]
    assert headers["host"] == f"receiver.example:{receiver.port}"
    assert headers["content-type"] == "application/json"
    assert set(body) == {"type", "timestamp", "data"}
    assert body["type"] == "instruction.event"
    cursor = body["data"].pop("cursor")
    assert body["data"] == {"instructionId": INSTRUCTION_ID.of(one), "kind": "DEPOSIT", "status": "CONFIRMED"}
    assert INSTRUCTION_EVENTS.decode(cursor)[1] == 3
    found = await listed(database, identity)
    assert (found.pending, found.parked, found.delivered_at is not None) == (0, 0, True)


async def test_a_receiver_gets_only_the_kinds_and_agencies_of_its_webhook(scratch):
    database, _ = scratch
    async with receiving() as receiver, receiving() as other, receiving() as wanted:
        await add_hook(database, receiver.url, kinds=("WITHDRAWAL",))
        await add_hook(database, other.url, agencies=(1, 2))
        await add_hook(database, wanted.url, kinds=("DEPOSIT",), agencies=(0,))
        async with sending(database):
            written = await write(database, 1)
            await until(is_complete(wanted, written))

    assert (receiver.got, other.got) == ([], [])


@pytest.mark.parametrize(
    "answer",
    [status(500), status(302, "location: http://127.0.0.1/"), b"garbage", None],
    ids=["fails", "redirects", "garbage", "hangs"],
)
async def test_an_event_that_fails_is_sent_again_and_no_other_receiver_waits(scratch, answer):
    database, _ = scratch
    clock = HandClock()
    async with receiving(Receiver(answer)) as bad, receiving() as good:
        hook, secret = await add_hook(database, bad.url)
        await add_hook(database, good.url)
        async with sending(database, clock, seconds=0.3) as sender:
            written = await write(database, 1, 2, 3)
            await until(is_complete(good, written))
            await until(lambda: sender.outcomes["failed"] >= 3)
            # Later events of an instruction wait for the first.
            assert {state for _, state in bad.events} == {"RECEIVED"}
            assert (await listed(database, hook)).last_status
            bad.verify(secret)
            bad.answer = OK
            clock.added += HOUR
            await until(is_complete(bad, written))

    assert_complete(bad, written)
    assert_complete(good, written)


async def test_a_receiver_that_hangs_holds_eight_connections(scratch):
    database, _ = scratch
    async with receiving(Receiver(None)) as hanging:
        await add_hook(database, hanging.url)
        async with sending(database, seconds=PATIENCE_SECONDS) as sender:
            await write(database, *range(12))
            await until(lambda: len(hanging.got) == 8)
            await sender.work()
            await write(database, *range(12, 16))
            await sender.work()

    assert len(hanging.got) == 8


async def test_a_receiver_that_is_down_for_an_hour_gets_everything_afterwards(scratch):
    database, _ = scratch
    clock, receiver = HandClock(), Receiver()
    async with receiving(receiver):
        hook, _ = await add_hook(database, receiver.url)
    async with sending(database, clock) as sender:
        written = await write(database, *range(10))
        for attempts in (10, 20, 30, 40):
            await until(lambda attempts=attempts: sender.outcomes["failed"] >= attempts)
            clock.added += timedelta(minutes=15)
        assert receiver.got == []
        async with receiving(receiver):
            clock.added += HOUR * 2
            await until(is_complete(receiver, written))

    assert_complete(receiver, written)
    assert (await listed(database, hook)).parked == 0


async def test_an_event_is_parked_after_three_days_and_a_replay_sends_it(scratch):
    database, _ = scratch
    clock = HandClock()
    async with receiving(Receiver(status(500))) as receiver, AsyncExitStack() as stack:
        hook, _ = await add_hook(database, receiver.url)
        sender = await stack.enter_async_context(sending(database, clock))
        [one] = await write(database, 1)
        await until(lambda: sender.outcomes["failed"] >= 1)
        clock.added += timedelta(days=2, hours=23)
        await until(lambda: sender.outcomes["failed"] >= 2)
        assert (await listed(database, hook)).parked == 0
        with structlog.testing.capture_logs() as lines:
            clock.added += HOUR * 2
            await until(lambda: sender.outcomes["parked"] == 1)
        [line] = [line for line in lines if line["event"] == "webhook.parked"]
        assert (line["webhook"], line["outcome"]) == (hook, "status 500")
        assert "CANARY" not in str(lines)

        receiver.answer = OK
        clock.added += HOUR
        # The next event of the instruction is sent now.
        await until(lambda: receiver.events[-1][1] == "CONFIRMED")
        found = await listed(database, hook)
        assert (found.parked, found.pending) == (1, 0)
        receiver.got.clear()
        await WebhookStore(database).replay(hook, 0)
        await until(is_complete(receiver, [one]))
    assert_complete(receiver, [one])
    assert (await listed(database, hook)).parked == 0


async def test_a_replay_sends_the_same_ids_again(scratch):
    database, _ = scratch
    async with receiving() as receiver:
        hook, _ = await add_hook(database, receiver.url)
        async with sending(database):
            await write(database, 1)
            await until(lambda: len(receiver.got) == 3)
            await until_stored(database, hook)
            await WebhookStore(database).replay(hook, 1)
            await until(lambda: len(receiver.got) == 5)

    assert receiver.ids[3:] == receiver.ids[1:3]


async def test_a_replay_after_a_later_event_leaves_none_out(scratch):
    database, _ = scratch
    async with receiving() as receiver:
        hook, _ = await add_hook(database, receiver.url)
        written = await write(database, 1)
        await WebhookStore(database).replay(hook, 3)
        async with sending(database):
            await until(is_complete(receiver, written))


async def until_stored(database, hook):
    async def stored():
        return (await listed(database, hook)).pending == 0

    await until(stored)


async def test_a_receiver_that_is_gone_gets_nothing_more_until_it_is_enabled(scratch):
    database, _ = scratch
    clock = HandClock()
    async with receiving(Receiver(status(410))) as receiver, AsyncExitStack() as stack:
        hook, _ = await add_hook(database, receiver.url)
        await stack.enter_async_context(sending(database, clock))
        [one] = await write(database, 1)

        async def disabled():
            return (await listed(database, hook)).disabled_at

        await until(disabled)
        clock.added += DAY
        [two] = await write(database, 2)
        await asyncio.sleep(0.1)
        assert len(receiver.got) == 1
        receiver.answer = OK
        await WebhookStore(database).enable(hook)
        await until(is_complete(receiver, [one, two]))

    assert_complete(receiver, [one, two])


async def test_the_next_attempt_is_not_before_retry_after_and_not_later_than_a_day(scratch):
    database, connection = scratch
    found, cases = (
        {},
        {"retry-after: 7200": (7200, 7200), "retry-after: 1": (4, 6), "retry-after: 99999999": (86_400, 86_400)},
    )
    async with AsyncExitStack() as stack:
        for header in cases:
            receiver = await stack.enter_async_context(receiving(Receiver(status(503, header))))
            found[header], _ = await add_hook(database, receiver.url)
        sender = await stack.enter_async_context(sending(database))
        await write(database, 1)
        await until(lambda: sender.outcomes["failed"] == len(cases))
    seconds = dict(
        await connection.fetch(
            "SELECT webhook_id, extract(epoch FROM next_at - first_failed_at)"
            " FROM brokergraph.webhook_delivery WHERE attempts = 1"
        )
    )

    assert {header for header, (early, late) in cases.items() if early <= seconds[found[header]] <= late} == set(cases)


async def test_the_events_behind_a_failed_one_are_not_searched_before_its_next_attempt(scratch):
    database, connection = scratch
    async with receiving(Receiver(status(503, "retry-after: 7200"))) as receiver:
        await add_hook(database, receiver.url)
        async with sending(database) as sender:
            await write(database, 1)
            await until(lambda: sender.outcomes["failed"] == 1)
    times = await connection.fetch("SELECT next_at FROM brokergraph.webhook_delivery")

    assert (len(times), len({row["next_at"] for row in times})) == (3, 1)


async def test_the_connection_goes_to_a_checked_address_only(scratch):
    database, _ = scratch

    async def moved(_host, _port):
        return ["127.0.0.1", "::1", "::ffff:127.0.0.1"]

    async with receiving() as inside:
        hook, _ = await add_hook(database, inside.url.replace("http://", "https://"))
        async with sending(database, resolve=moved, allow_private=False) as sender:
            await write(database, 1)
            await until(lambda: sender.outcomes["failed"] == 1)

    assert inside.got == []
    assert (await listed(database, hook)).last_status == "the name has a private address"


async def test_two_senders_share_the_work_and_send_each_event_once(scratch):
    database, _ = scratch
    async with receiving() as receiver, receiving() as other:
        await add_hook(database, receiver.url)
        await add_hook(database, other.url)
        async with sending(database) as one, sending(database) as two:
            written = await write(database, *range(10))
            await until(lambda: one.outcomes["delivered"] + two.outcomes["delivered"] == 60)

    for found in (receiver, other):
        assert_complete(found, written)
        assert len(found.got) == 30


async def test_an_event_that_is_delivered_while_due_ones_are_read_is_not_sent_again(scratch):
    database, _ = scratch
    async with receiving(Receiver(stays=True)) as receiver:
        await add_hook(database, receiver.url)
        await write(database, 1)
        sender = sender_of(database)
        store = sender._store  # noqa: SLF001 - the moment between two statements is not visible otherwise.
        read = store.due

        async def late(*values):
            found = await read(*values)
            await until(lambda: not sender._in_flight)  # noqa: SLF001
            return found

        await sender.work()
        store.due = late
        await sender.work()
        store.due = read
        async with asyncio.timeout(5):
            while len(receiver.got) < 3:
                await sender.work()

    assert len(set(receiver.ids)) == len(receiver.ids) == 3


async def test_a_sender_whose_lease_has_ended_sends_nothing(scratch):
    database, connection = scratch
    async with receiving() as receiver:
        await add_hook(database, receiver.url)
        stalled = sender_of(database)
        await stalled.work()
        await write(database, 1)
        stalled._leased_until = 0.0  # noqa: SLF001 - as after a pause of the process.
        await stalled.work()
        await asyncio.sleep(0.05)
        assert receiver.got == []
        await connection.execute("UPDATE brokergraph.lease SET until = now()")
        async with sending(database):
            await until(lambda: len(receiver.got) == 3)


async def test_both_secrets_sign_during_the_overlap_of_a_rotation(scratch):
    database, _ = scratch
    clock, new = HandClock(), make_secret()
    async with receiving() as receiver, AsyncExitStack() as stack:
        hook, old = await add_hook(database, receiver.url)
        await stack.enter_async_context(sending(database, clock))
        await WebhookStore(database).rotate(hook, SecretBox(KEY).encrypt(hook, new), clock.now() + HOUR)
        await write(database, 1)
        await until(lambda: len(receiver.got) == 3)
        receiver.verify(old)
        receiver.verify(new.reveal())
        receiver.got.clear()
        receiver.raw.clear()
        clock.added += HOUR * 2
        await write(database, 2)
        await until(lambda: len(receiver.got) == 3)

    assert [len(headers["webhook-signature"].split(" ")) for headers, _ in receiver.got] == [1, 1, 1]


async def test_a_key_that_does_not_fit_is_a_failure_and_nothing_is_sent(scratch):
    database, _ = scratch
    other = SecretBox(Secret("/" * 43 + "="))
    async with receiving() as receiver, AsyncExitStack() as stack:
        hook, _ = await add_hook(database, receiver.url)
        await WebhookStore(database).rotate(hook, other.encrypt(hook, make_secret()), HandClock().now())
        sender = await stack.enter_async_context(sending(database))
        await write(database, 1)
        await until(lambda: sender.outcomes["failed"] == 1)

    assert receiver.got == []
    assert "[webhooks] key" in (await listed(database, hook)).last_status


async def test_a_parked_event_is_shown_until_the_log_has_removed_it(scratch):
    database, connection = scratch
    hook, _ = await add_hook(database, "http://127.0.0.1:1/")
    await write(database, 1)
    store, now = WebhookStore(database), HandClock().now()
    await store.plan([hook], now)
    for _ in range(3):
        [due] = await store.due([hook], 8, now)
        await store.failed(due, None, "status 500", now)
    await store.forget([hook])
    assert (await listed(database, hook)).parked == 3

    await connection.execute("UPDATE brokergraph.stream_event SET at = at - interval '15 days' WHERE seq < 3")
    await InstructionLog(database).forget(timedelta(days=14))
    await store.forget([hook])
    assert (await listed(database, hook)).parked == 1


async def test_events_that_the_log_has_lost_are_reported_and_the_others_sent(scratch):
    database, connection = scratch
    async with receiving() as receiver:
        hook, _ = await add_hook(database, receiver.url)
        await write(database, 1)
        await connection.execute("UPDATE brokergraph.stream_event SET at = at - interval '15 days' WHERE seq < 3")
        await InstructionLog(database).forget(timedelta(days=14))
        with structlog.testing.capture_logs() as lines:
            async with sending(database):
                await until(lambda: len(receiver.got) == 1)

    assert [line["webhook"] for line in lines if line["event"] == "webhook.events_forgotten"] == [hook]
    assert receiver.events[0][1] == "CONFIRMED"


async def test_nothing_shows_a_secret(scratch):
    database, _ = scratch
    async with receiving(Receiver(status(500))) as receiver:
        hook, secret = await add_hook(database, receiver.url)
        await write(database, 1)
        store = WebhookStore(database)
        now = HandClock().now()
        await store.plan([hook], now)
        [due] = await store.due([hook], 8, now)
        message = message_writer(KEY).event(due, now)

    shown = repr([await store.list_all(), due, message, due.target])
    assert secret not in shown
    assert "CANARY" not in shown
    assert message.headers["webhook-signature"] not in shown
