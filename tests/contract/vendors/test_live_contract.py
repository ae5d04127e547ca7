"""One suite for every adapter that has live figures: the same question, the same misbehaviour, the same answers."""

import pytest
from support.adapters import LIVE, LiveAdapter
from support.vendor_calls import SHORT, a_call, changed, settings

from core.clock import Clock
from core.errors import Misunderstood, Reason, Rejected, Unavailable
from core.records import LiveAccountRecord
from upstreams.open import open_upstreams
from upstreams.vendors.kit.token_store import memory_tokens

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

NOTHING_EXTRA = frozenset({"balance", "group", "leverage", "enabled", "read_only"})


@pytest.fixture(params=LIVE.values(), ids=LIVE.keys())
def adapter(request) -> LiveAdapter:
    return request.param


@pytest.fixture
async def house(box, adapter):
    config = settings(box)
    if adapter.v1:
        config = changed(config, "cplugin", "legacy", read_through_v2=False)
    async with open_upstreams(config, Clock(), memory_tokens) as opened:
        yield opened


@pytest.fixture
async def server(house, adapter):
    return house.servers[adapter.server]


@pytest.fixture
async def logins(database, adapter) -> list[str]:
    query = "SELECT login FROM platform.account WHERE server = $1 ORDER BY login LIMIT 6"
    return [str(row["login"]) for row in await database.fetch(query, adapter.server)]


async def ask(server, logins, wanted=NOTHING_EXTRA):
    return await server.live.fetch(logins, wanted, a_call())


async def test_a_batch_says_what_the_trading_server_holds(server, adapter, logins, database):
    held = await database.fetch("SELECT * FROM platform.account WHERE server = $1", adapter.server)
    books = {str(row["login"]): row for row in held}

    answer = await ask(server, logins)

    assert set(answer) == set(logins)
    for login, record in answer.items():
        book = books[login]
        assert record.login == login
        assert record.system == adapter.system
        assert record.balance == (book["balance"] if adapter.knows_balance else None)
        assert (record.enabled, record.read_only) == (book["enabled"], book["read_only"])
        assert (record.group, record.leverage) == (book["group_name"], book["leverage"])


async def test_one_call_for_each_chunk_and_no_more(server, adapter, logins, box):
    call = a_call()

    await server.live.fetch([*logins, logins[0]], NOTHING_EXTRA, call)

    expected = len(logins) if server.live.batch_max == 1 else 1
    assert call.tally.calls == {adapter.system: expected}
    assert call.tally.keys == {adapter.system: len(logins)}
    by_path = box.calls(adapter.vendor)["by_path"]
    assert sum(count for path, count in by_path.items() if adapter.path in path) == expected


async def test_a_login_that_the_server_does_not_know_is_none(server, logins):
    answer = await ask(server, [logins[0], "987654"])

    assert isinstance(answer[logins[0]], LiveAccountRecord)
    assert answer["987654"] is None


@pytest.mark.parametrize("odd", ["", "0", "-1", "007", "1,2", "../1", "9" * 40, "\u0661"])
async def test_what_cannot_be_a_login_is_not_asked_for(server, logins, odd):
    answer = await ask(server, [odd, logins[0]])

    assert answer[odd] is None
    assert isinstance(answer[logins[0]], LiveAccountRecord)


async def test_the_order_of_rows_means_nothing(server, adapter, logins, box):
    straight = await ask(server, logins)
    box.tell(adapter.vendor, "/misbehave", {"fault": "reversed", "path": adapter.path})
    turned = await ask(server, logins)

    assert {login: record.group for login, record in turned.items()} == {
        login: record.group for login, record in straight.items()
    }


@pytest.mark.parametrize(
    "fault,error",
    [
        ({"fault": "hang"}, Unavailable),
        ({"fault": "refuse"}, Unavailable),
        ({"fault": "drop_before"}, Unavailable),
        ({"fault": "drip", "seconds": 0.2}, Unavailable),
        ({"fault": "half", "truncate": True}, Unavailable),
        ({"fault": "status", "status": 500}, Unavailable),
        ({"fault": "status", "status": 503}, Unavailable),
        ({"fault": "status", "status": 403}, Rejected),
        ({"fault": "status", "status": 302}, Misunderstood),
        ({"fault": "nonsense", "kind": "html"}, Misunderstood),
        ({"fault": "nonsense", "kind": "json"}, Misunderstood),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value.__name__,
)
async def test_every_login_carries_the_failure_of_its_call(server, adapter, logins, box, fault, error):
    await ask(server, logins[:1])
    box.tell(adapter.vendor, "/misbehave", fault | ({} if fault["fault"] == "refuse" else {"path": adapter.path}))

    answer = await ask(server, logins[:2])

    assert [type(failure) for failure in answer.values()] == [error, error]
    assert {failure.system for failure in answer.values()} == {adapter.system}


@pytest.mark.applies_to(lambda adapter, **_: adapter.batched)  # A single record has no half.
async def test_half_a_batch_leaves_holes_and_moves_nothing(server, adapter, logins, box):
    whole = await ask(server, logins)
    box.tell(adapter.vendor, "/misbehave", {"fault": "half", "path": adapter.path})

    half = await ask(server, logins)

    there = {login: record for login, record in half.items() if record is not None}
    assert len(there) == len(logins) // 2
    assert {login: record.group for login, record in there.items()} == {login: whole[login].group for login in there}


async def test_a_vendor_that_asks_for_patience_is_told_of(server, adapter, logins, box):
    order = {"fault": "status", "status": 429, "retry_after": 9, "path": adapter.path}
    box.tell(adapter.vendor, "/misbehave", order)

    [failure] = (await ask(server, logins[:1])).values()

    assert (failure.reason, failure.retry_after_seconds) == (Reason.RATE_LIMITED, 9.0)


async def test_a_dropped_connection_is_made_good_by_a_second_try(server, adapter, logins, box):
    box.tell(adapter.vendor, "/misbehave", {"fault": "drop_before", "path": adapter.path, "times": 1})

    [record] = (await ask(server, logins[:1])).values()

    assert isinstance(record, LiveAccountRecord)


@pytest.mark.applies_to(lambda adapter, **_: adapter.vendor == "cplugin")  # Broker Work's token does not expire.
async def test_an_expired_token_is_renewed_once(server, adapter, logins, box):
    await ask(server, logins)
    box.tell("cplugin", "/misbehave", {"fault": "expire_token"})

    answer = await ask(server, logins)

    assert all(isinstance(record, LiveAccountRecord) for record in answer.values())
    assert box.calls("cplugin_auth")["by_path"].get("/connect/token") == 2


async def test_two_servers_of_a_vendor_fail_apart(house, server, adapter, logins, box):
    """The breaker of one trading server never closes the door to another."""
    failing = {"fault": "status", "status": 503, "path": adapter.path, "times": SHORT.breaker_failures}
    box.tell(adapter.vendor, "/misbehave", failing)
    for _ in range(SHORT.breaker_failures):
        await ask(server, logins[:1])

    [left_alone] = (await ask(server, logins[:1])).values()

    assert isinstance(left_alone, Unavailable)
    assert left_alone.detail == "breaker open"
    assert {link.state.value for link in house.health() if link.system == adapter.system} >= {"DOWN"}
