"""API keys over their life: rotated with an overlap, seen when they were used, never a principal changed by it."""

import asyncio
import os
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from click.testing import CliRunner

from api.cli import main
from api.identity.last_use import LastUse, storing_last_use
from core.errors import System, Unavailable

pytestmark = pytest.mark.anyio
WHO = "{ viewer { name scopes agencies } }"


def keys(box, *words, code=0):
    """`brokergraph keys ...` in this process, which has the imports behind it, and in a thread without a loop."""
    before = structlog.get_config()
    environment = dict.fromkeys(name for name in os.environ if name.startswith("BROKERGRAPH_"))
    with ThreadPoolExecutor(1) as thread:
        command = ["keys", *words, "--config", str(box.settings_path)]
        done = thread.submit(CliRunner().invoke, main, command, env=environment).result()
    structlog.configure(**before)
    assert done.exit_code == code, done.output
    return done


def made(box, principal, *options):
    identity = f"k-{uuid.uuid4().hex[:8]}"
    words = ("--id", identity, "--scope", "client:read", "--scope", "deposit:create", "--scope", "instruction:read")
    return identity, keys(box, "create", principal, *words, *options).stdout.strip()


def listed(box, identity):
    return next(line for line in keys(box, "list").stdout.splitlines() if line.startswith(f"{identity} "))


async def test_a_rotated_key_and_its_successor_are_the_same_caller_until_the_overlap_is_over(believing, box, database):
    old, old_key = made(box, "rota", "--agency", "1", "--agency", "0")
    graph = believing.graph

    done = keys(box, "rotate", old, "--overlap", "2h", "--id", f"{old}-next")
    new_key = done.stdout.strip()
    before, after = (graph.data(WHO, key=key)["viewer"] for key in (old_key, new_key))
    ends = await database.fetchval("SELECT expires_at FROM brokergraph.api_key WHERE id = $1", old)
    await database.execute("UPDATE brokergraph.api_key SET expires_at = now() WHERE id = $1", old)

    assert before == after | {"name": old}
    assert after["agencies"] == [0, 1]
    assert timedelta(hours=1, minutes=58) < ends - datetime.now(UTC) < timedelta(hours=2, minutes=1)
    assert new_key not in done.stderr
    assert old_key not in done.stdout + done.stderr
    assert graph.post(WHO, key=old_key).status_code == 401
    assert graph.data(WHO, key=new_key)["viewer"] == after


async def test_a_command_given_with_the_old_key_is_a_replay_with_the_new_key(believing, box, well_behaved):
    old, old_key = made(box, f"payer-{uuid.uuid4().hex[:6]}")
    new_key = keys(box, "rotate", old).stdout.strip()
    order = f"""mutation {{ deposit(input: {{ account: {{ account: {{ server: "R1", login: "61436" }} }}, amount: "3",
      currency: USD, idempotencyKey: "{uuid.uuid4()}" }}) {{ ... on DepositConfirmed {{ instruction {{ id }} }} }} }}"""

    first = believing.graph.data(order, key=old_key)
    calls = well_behaved.calls("cplugin")["total"]
    second = believing.graph.data(order, key=new_key)

    assert first == second
    assert first["deposit"]["instruction"]["id"]
    assert well_behaved.calls("cplugin")["total"] == calls


@pytest.mark.parametrize("spoil", ["revoked", "expired", "rotated", "unknown", "id taken"])
async def test_what_cannot_be_rotated_is_refused_and_nothing_is_made(box, database, believing, spoil):
    identity, _key = made(box, "rota")
    options = []
    if spoil == "revoked":
        keys(box, "revoke", identity)
    elif spoil == "expired":
        await database.execute("UPDATE brokergraph.api_key SET expires_at = now() WHERE id = $1", identity)
    elif spoil == "rotated":
        keys(box, "rotate", identity)
    elif spoil == "unknown":
        identity = "nobody"
    else:
        options = ["--id", identity]
    rows = await database.fetch("SELECT id, key_hash, expires_at, successor FROM brokergraph.api_key ORDER BY id")

    done = keys(box, "rotate", identity, *options, code=1)

    assert f"{identity} cannot be rotated." in done.stderr
    assert (
        await database.fetch("SELECT id, key_hash, expires_at, successor FROM brokergraph.api_key ORDER BY id") == rows
    )


@pytest.mark.parametrize("overlap", ["7", "d", "1w", "-1d", "1.5h", "٣d", ""])
def test_an_overlap_that_is_no_time_is_refused(box, overlap):
    assert "is not a length of time" in keys(box, "rotate", "any", f"--overlap={overlap}", code=2).stderr


CREATE, ROTATE = ("create", "acme", "--scope", "client:read"), ("rotate", "any")


@pytest.mark.parametrize(
    "words, told",
    [
        ((*CREATE, "--days", "99999999"), "36500"),
        ((*ROTATE, "--days", "99999999"), "36500"),
        ((*ROTATE, "--overlap", "99999d"), "36500"),
        ((*CREATE, "--id", "bad id/!"), "1 to 40 of a-z, 0-9 and -"),
        ((*CREATE, "--id", "k" * 41), "1 to 40 of a-z, 0-9 and -"),
        ((*CREATE, "--id", ""), "1 to 40 of a-z, 0-9 and -"),
        ((*ROTATE, "--id", "Next"), "1 to 40 of a-z, 0-9 and -"),
        (("create", "", "--scope", "client:read"), "The principal must not be empty"),
        (("create", " ", "--scope", "client:read"), "The principal must not be empty"),
        ((*CREATE, "--agency", "-4"), "-4 is not in the range"),
        ((*CREATE, "--agency", "2147483648"), "2147483648 is not in the range"),
    ],
)
def test_what_no_key_can_have_is_refused_with_what_it_can(box, words, told):
    assert told in keys(box, *words, code=2).stderr


async def test_a_rotation_never_lengthens_the_old_key_and_gives_the_new_one_as_long_a_life(box, database, believing):
    identity, _key = made(box, "rota", "--days", "2")
    old_end = await database.fetchval("SELECT expires_at FROM brokergraph.api_key WHERE id = $1", identity)

    done = keys(box, "rotate", identity, "--overlap", "90d", "--id", f"{identity}-next")

    assert f"{identity} ends {old_end:%Y-%m-%d %H:%M} UTC." in done.stderr
    row = await database.fetchrow("SELECT * FROM brokergraph.api_key WHERE id = $1", f"{identity}-next")
    assert await database.fetchval("SELECT expires_at FROM brokergraph.api_key WHERE id = $1", identity) == old_end
    assert timedelta(days=1, hours=23) < row["expires_at"] - row["created_at"] < timedelta(days=2, hours=1)
    assert f"then {identity}-next" in listed(box, identity)


async def test_only_the_hash_of_a_key_is_kept(box, database, believing):
    identity, key = made(box, "rota")
    row = await database.fetchrow("SELECT k::text AS whole FROM brokergraph.api_key k WHERE id = $1", identity)

    assert key.removeprefix(f"bg_{identity}_") not in row["whole"]
    assert key.encode().hex() not in row["whole"]


async def test_the_list_shows_by_the_minute_when_a_key_was_used(believing, box, database):
    identity, key = made(box, "user")
    unused = listed(box, identity)

    believing.graph.data(WHO, key=key)
    for _ in range(600):
        used = await database.fetchval("SELECT last_used_at FROM brokergraph.api_key WHERE id = $1", identity)
        if used:
            break
        await asyncio.sleep(0.05)

    assert "never used" in unused
    assert (used.second, used.microsecond) == (0, 0)
    assert datetime.now(UTC) - used < timedelta(minutes=2)
    assert re.search(rf"last used {used:%Y-%m-%d %H:%M} ", listed(box, identity))


class Hands:
    def __init__(self):
        self.at = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)

    def now(self):
        return self.at

    async def sleep(self, _seconds):
        await asyncio.sleep(3600)


class Store:
    def __init__(self):
        self.is_away = False
        self.written = []

    async def note_use(self, used):
        if self.is_away:
            raise Unavailable("away", system=System("ERP_DATABASE"))
        self.written.append(used)


async def test_use_is_written_in_batches_and_survives_the_databases_absence():
    clock, store = Hands(), Store()
    use = LastUse(store, clock)
    minute = clock.at.replace(second=0)

    for _ in range(1000):
        use.note("a")
    store.is_away = True
    await use.write()
    clock.at += timedelta(minutes=1)
    use.note("b")
    store.is_away = False
    await use.write()
    await use.write()

    assert store.written == [{"a": minute, "b": minute + timedelta(minutes=1)}]


async def test_what_was_noted_last_is_written_when_the_process_ends():
    store = Store()

    async with storing_last_use(store, Hands(), 30) as use:
        use.note("a")

    assert [list(batch) for batch in store.written] == [["a"]]
