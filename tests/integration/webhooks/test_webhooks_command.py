"""`brokergraph webhooks`: plain answers, exact mistakes, and each secret shown once."""

import asyncio
import re

import pytest
from support.polling import until
from support.receivers import Receiver, receiving, status
from support.senders import KEY, sending
from support.served import Operator
from support.webhooks import write

from resolvers.fields.ids import INSTRUCTION_EVENTS
from upstreams.state.instruction_log import InstructionLog

pytestmark = pytest.mark.anyio
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=\n")
HOOK = re.compile(r"hook-[0-9a-f]{8}")


class Webhooks:
    """The command with a state database of its own."""

    def __init__(self, box, database=None, **variables):
        url = None if database is None else database.config.url.reveal()
        named = {"STATE__DATABASE_URL": url, "WEBHOOKS__KEY": KEY.reveal(), **variables}
        settings = {f"BROKERGRAPH_{name}": value for name, value in named.items() if value is not None}
        self.operator = Operator(box.settings_path, settings)

    async def run(self, *words, code=0):
        """In a thread, because the command has a loop of its own."""
        done = await asyncio.to_thread(self.operator.run_here, "webhooks", *words)
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return done

    async def added(self, url, *options):
        """(id, secret)"""
        done = await self.run("add", "acme", url, *options)
        assert SECRET.fullmatch(done.stdout)
        return HOOK.search(done.stderr)[0], done.stdout.strip()


@pytest.fixture
def webhooks(box, scratch):
    return Webhooks(box, scratch[0], WEBHOOKS__ALLOW_PRIVATE="true")


async def test_a_webhook_over_its_life(webhooks, scratch):
    database, _ = scratch
    async with receiving() as receiver, receiving(Receiver(status(500))) as broken:
        url = f"http://127.0.0.1:{receiver.port}/path-CANARY?token=CANARY"
        hook, secret = await webhooks.added(url, "--kinds", "DEPOSIT,WITHDRAWAL", "--agencies", "0,1")
        done = await webhooks.run("test", hook)
        assert done.output == f"{hook} answers with status 200.\n"
        receiver.verify(secret)
        assert receiver.got[0][1]["type"] == "webhook.test"
        receiver.got.clear()
        receiver.raw.clear()

        other, _ = await webhooks.added(f"http://127.0.0.1:{broken.port}/")
        async with sending(database) as sender:
            await write(database, 1)
            await until(lambda: sender.outcomes["delivered"] == 3)
            await until(lambda: sender.outcomes["failed"] >= 1)
        listing = (await webhooks.run("list")).output
        # The deliveries are in the order of the webhooks' creation, newest first.
        second, first = listing.splitlines()
        assert first.startswith(f"{hook}  acme  http://127.0.0.1:{receiver.port}  active  last delivered 2")
        assert first.endswith("pending 0  parked 0  agencies [0, 1]  DEPOSIT,WITHDRAWAL")
        assert second.startswith(f"{other}  acme")
        assert second.endswith("pending 3  parked 0  last failure: status 500  every agency  every kind")

        rotated = await webhooks.run("rotate", hook, "--overlap", "1h")
        assert SECRET.fullmatch(rotated.stdout)
        await webhooks.run("test", hook)
        receiver.got, receiver.raw = receiver.got[3:], receiver.raw[3:]
        receiver.verify(secret)
        receiver.verify(rotated.stdout.strip())

        assert (await webhooks.run("disable", hook)).output == f"{hook} is disabled.\n"
        assert f"{hook}  acme  http://127.0.0.1:{receiver.port}  disabled 2" in (await webhooks.run("list")).output
        assert (await webhooks.run("enable", hook)).output == f"{hook} is enabled.\n"

    shown = listing + done.output + rotated.stderr
    assert "CANARY" not in shown
    assert secret not in shown + rotated.stdout


async def test_a_replay_after_a_cursor(webhooks, scratch):
    database, _ = scratch
    log = InstructionLog(database)
    async with receiving() as receiver:
        start = (await log.head())[0]
        await write(database, 1)
        hook, _ = await webhooks.added(receiver.url.replace("receiver.example", "127.0.0.1"))
        epoch = str(start.epoch)
        cursor = INSTRUCTION_EVENTS.encode(epoch, 1)
        done = await webhooks.run("replay", hook, "--after", cursor)
        assert done.output == f"{hook} gets the events after the cursor again.\n"
        async with sending(database):
            await until(lambda: len(receiver.got) == 2)
        assert [INSTRUCTION_EVENTS.decode(body["data"]["cursor"]) for _, body in receiver.got] == [
            (epoch, 2),
            (epoch, 3),
        ]

        ahead = await webhooks.run("replay", hook, "--after", INSTRUCTION_EVENTS.encode(epoch, 4), code=1)
        assert "The cursor is after the end of the log." in ahead.output
        other = INSTRUCTION_EVENTS.encode("018f0000-0000-7000-8000-000000000000", 1)
        lost = await webhooks.run("replay", hook, "--after", other, code=1)
        assert "The log no longer has the events after this cursor." in lost.output


@pytest.mark.parametrize(
    "words,said",
    [
        (("add", "", "https://a.example/"), "The principal must not be empty."),
        (("add", "acme", "ftp://a.example/CANARY"), "The URL cannot be used: it must begin with https://."),
        (("add", "acme", "https://user:CANARY@a.example/"), "without a password"),
        (("add", "acme", "https://a.example/", "--kinds", "DEPOSIT,PAYMENT"), "'PAYMENT' is not a kind"),
        (("add", "acme", "https://a.example/", "--agencies", "1;2"), "'1;2' is not a list of agencies"),
        (("add", "acme", "https://a.example/", "--agencies", "99999999999"), "is not a list of agencies"),
        (("add", "acme", "https://a.example/", "--agencies", "9999999999"), "is not a list of agencies"),
        (("rotate", "hook-00000000", "--overlap", "soon"), "'soon' is not a length of time"),
        (("replay", "hook-00000000"), "Missing option '--after'"),
        (("replay", "hook-00000000", "--after", "x"), "--after is not a cursor of instruction events."),
    ],
)
async def test_a_wrong_argument_is_named_and_no_secret_is_shown(box, words, said):
    done = await Webhooks(box).run(*words, code=2)

    assert said in " ".join(done.output.split())
    assert "CANARY" not in done.output


async def test_an_unknown_id_is_named(webhooks, scratch):
    head = (await InstructionLog(scratch[0]).head())[0]
    after = ("--after", INSTRUCTION_EVENTS.encode(str(head.epoch), 0))
    for command in ("test", "rotate", "disable", "enable", "replay"):
        done = await webhooks.run(command, "hook-00000000", *(after if command == "replay" else ()), code=1)
        assert "hook-00000000" in done.output


async def test_a_receiver_that_fails_the_test_ends_the_command_with_1(webhooks):
    async with receiving() as receiver:
        hook, _ = await webhooks.added(receiver.url.replace("receiver.example", "127.0.0.1"))
        for answer, said in ((status(404), "answers with status 404"), (b"", "dropped the connection")):
            receiver.answer = answer
            assert said in (await webhooks.run("test", hook, code=1)).output


async def test_the_key_is_needed_and_must_fit(box, scratch, webhooks):
    database, _ = scratch
    hook, _ = await webhooks.added("http://127.0.0.1:1/")
    keyless = Webhooks(box, database, WEBHOOKS__KEY=None)
    for words in (("add", "acme", "https://a.example/"), ("test", hook), ("rotate", hook)):
        assert "webhooks.key: is missing; `openssl rand" in (await keyless.run(*words, code=1)).output
    assert hook in (await keyless.run("list")).output
    other = Webhooks(box, database, WEBHOOKS__KEY="/" * 43 + "=")
    assert "webhooks.key: is not the key that encrypted" in (await other.run("test", hook, code=1)).output
    short = Webhooks(box, database, WEBHOOKS__KEY="CANARY")
    told = (await short.run("list", code=1)).output
    assert "webhooks.key: must be 32 bytes in base64" in told
    assert "CANARY" not in told


async def test_private_addresses_need_the_setting(box, scratch):
    strict = Webhooks(box, scratch[0])
    for url in ("http://a.example/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest"):
        assert "The URL cannot be used" in (await strict.run("add", "acme", url, code=2)).output
    hook, _ = await strict.added("https://localhost:1/")
    assert "the name has a private address" in (await strict.run("test", hook, code=1)).output
