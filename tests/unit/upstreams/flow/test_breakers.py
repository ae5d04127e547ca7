"""M4: circuit breakers count failures of the transport and of the vendor, and reads never close writes."""

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest
from support.adapters import DEPOSITS
from support.doubts import an_order, books
from support.vendor_calls import a_call, answer, settings

from core.clock import Clock
from core.errors import Misunderstood, OutcomeUnknown, System, Unavailable
from core.records import LiveAccountRecord
from core.secret import Secret
from upstreams.http.health import LinkState
from upstreams.http.limits import Limits
from upstreams.http.link import Link
from upstreams.http.request import HttpRequest
from upstreams.open import Upstreams, open_upstreams
from upstreams.vendors.kit.token_store import memory_tokens

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

# A breaker that opens stays open for the whole test. Only silence has to be known soon, and only where it is provoked.
STUBBORN = Limits(breaker_open_seconds=600.0)
HASTY = msgspec.structs.replace(
    STUBBORN, connect_timeout_seconds=0.5, read_timeout_seconds=0.3, total_timeout_seconds=1.0
)
FAILURES = STUBBORN.breaker_failures
READ = HttpRequest("GET", "/thing")
WRITE = HttpRequest("POST", "/thing", content=b"{}", writes=True)


def command_call():
    return msgspec.structs.replace(a_call(60), for_command=True)


@pytest.fixture
async def house(box, request) -> AsyncIterator[Upstreams]:
    limits = HASTY if "time-outs" in request.node.name else STUBBORN
    async with open_upstreams(settings(box, limits), Clock(), memory_tokens) as opened:
        yield opened


@pytest.fixture
async def link(stranger) -> AsyncIterator[Link]:
    opened = Link(System("CPLUGIN"), "main", stranger.url, STUBBORN, Clock())
    yield opened
    await opened.aclose()


@pytest.fixture
async def clients(database) -> list[tuple[int, Secret]]:
    """Two clients with balances, and their API passwords."""
    rows = await database.fetch("SELECT * FROM brokergraph_erp.api_password WHERE client_number IN (500608, 500021)")
    return sorted(((row["client_number"], Secret(row["api_password"])) for row in rows), key=lambda one: -one[0])


def words(reply):
    return msgspec.json.decode(reply.body)


async def deposited(house, database, server):
    """What the trading server's books hold of a deposit that is made now."""
    order = await an_order(database, server)
    await (await house.servers[server].deposits.prepare(order, command_call())).send()
    return await books(database, server, order)


async def logins_on(database, server):
    query = "SELECT login FROM platform.account WHERE server = $1 ORDER BY login LIMIT 3"
    return [str(row["login"]) for row in await database.fetch(query, server)]


async def live(house, server, logins):
    return list((await house.servers[server].live.fetch(logins, frozenset({"balance"}), a_call())).values())


UNREADABLE = {
    "a list without a beginning": {"fault": "rewrite", "find": '"data": ?\\[', "text": '"data":'},
    "a page": {"fault": "nonsense", "kind": "html"},
    "half of the JSON": {"fault": "nonsense", "kind": "json"},
    "nothing": {"fault": "nonsense", "kind": "empty"},
    "another shape": {"fault": "json", "json": {"data": 7}},
}


@pytest.mark.parametrize("fault", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_m4_six_unreadable_answers_close_neither_deposits_nor_reads(house, database, box, fault):
    logins = await logins_on(database, "R1")
    box.tell("cplugin", "/misbehave", fault | {"path": "UserRecordsRequest"})

    for _ in range(6):
        failures = await live(house, "R1", logins)
        assert {type(failure) for failure in failures} == {Misunderstood}
    booked = await deposited(house, database, "R1")
    box.tell("cplugin", "/reset")
    afterwards = await live(house, "R1", logins)

    assert len(booked) == 1
    assert {type(record) for record in afterwards} == {LiveAccountRecord}


HYPER_UNREADABLE = {
    "a code of NaN": {"fault": "rewrite", "find": '"ResponseCode": ?"?[0-9]+"?', "text": '"ResponseCode":NaN'},
    "no code": {"fault": "json", "json": {"Data": []}},
    **{name: fault for name, fault in UNREADABLE.items() if fault["fault"] == "nonsense"},
}


@pytest.mark.parametrize("fault", HYPER_UNREADABLE.values(), ids=HYPER_UNREADABLE.keys())
async def test_m4_five_unreadable_answers_about_one_client_close_nothing_for_others(house, clients, box, fault):
    (one, its_password), (other, password) = clients
    box.tell("hyper", "/misbehave", fault | {"path": "Get_Client_Balance", "times": FAILURES})

    for _ in range(FAILURES):
        with pytest.raises(Misunderstood):
            await house.erp_api.client_balance(one, its_password, a_call())
    record = await house.erp_api.client_balance(other, password, a_call())
    receipt = await (await house.erp_api.prepare_account(other, password, command_call())).send()

    assert record.client_number == other
    assert receipt.login


FAILED_READS = {
    "time-outs": {"fault": "hang"},
    "500": {"fault": "status", "status": 500},
    "503": {"fault": "status", "status": 503},
    "dropped connections": {"fault": "drop_before"},
}


@pytest.mark.parametrize("fault", FAILED_READS.values(), ids=FAILED_READS.keys())
@pytest.mark.parametrize("server", ["R1", "R3"])
async def test_m4_reads_that_fail_close_reads_and_no_deposits(house, database, box, server, fault):
    logins = await logins_on(database, server)
    box.tell("cplugin", "/misbehave", fault | {"path": "UserRecordsRequest"})

    for _ in range(FAILURES):
        await live(house, server, logins)
    [left_alone, *_] = await live(house, server, logins)
    booked = await deposited(house, database, server)

    assert left_alone.detail == "breaker open"
    assert len(booked) == 1


@pytest.mark.parametrize("server", [adapter.server for adapter in DEPOSITS.values()])
async def test_m4_searches_for_lost_deposits_that_fail_close_no_deposits(house, database, box, server):
    [adapter] = [adapter for adapter in DEPOSITS.values() if adapter.server == server]
    order = await an_order(database, server)
    box.tell(adapter.vendor, "/misbehave", {"fault": "status", "status": 503, "path": adapter.history})

    for _ in range(FAILURES + 1):
        with pytest.raises(Unavailable) as failed:
            await house.servers[server].money_history.find(order, Clock().now(), a_call())
    booked = await deposited(house, database, server)

    assert failed.value.detail == "breaker open"
    assert len(booked) == 1


async def test_m4_reads_that_get_no_token_close_no_deposits(house, database, box):
    logins = await logins_on(database, "R1")
    box.tell("cplugin_auth", "/misbehave", {"fault": "status", "status": 503})

    for _ in range(FAILURES):
        await live(house, "R1", logins)
    box.tell("cplugin_auth", "/reset")
    [left_alone, *_] = await live(house, "R1", logins)
    booked = await deposited(house, database, "R1")

    assert left_alone.detail == "breaker open"
    assert len(booked) == 1


@pytest.mark.parametrize("fault", FAILED_READS.values(), ids=FAILED_READS.keys())
async def test_m4_balances_that_fail_close_no_new_accounts(house, clients, box, fault):
    (number, password), _ = clients
    box.tell("hyper", "/misbehave", fault | {"path": "Get_Client_Balance"})

    for _ in range(FAILURES + 1):
        with pytest.raises(Unavailable) as failed:
            await house.erp_api.client_balance(number, password, a_call())
    receipt = await (await house.erp_api.prepare_account(number, password, command_call())).send()

    assert failed.value.detail == "breaker open"
    assert receipt.login


async def asked_until_closed(link, stranger, ask: Callable[[], Awaitable[object]], times: int) -> int:
    for _ in range(times):
        with pytest.raises((Misunderstood, Unavailable, OutcomeUnknown)):
            await ask()
    return len(stranger.asked)


COMPLETE = {
    "page": answer(200, b"<html>"),
    "nothing": answer(200, b""),
    "half": answer(200, b'{"a":'),
    "another success": answer(204, b""),
    "redirect": answer(302, b"", "location: /elsewhere\r\n"),
    "packed": answer(200, b"{}", "content-encoding: gzip\r\n"),
    "too large": answer(200, b"1" * 2000),
}


@pytest.mark.parametrize("reply", COMPLETE.values(), ids=COMPLETE.keys())
@pytest.mark.parametrize("writes", [False, True], ids=["read", "order"])
async def test_m4_a_complete_answer_is_no_failure_whatever_it_holds(stranger, reply, writes):
    stranger.answers = [reply]
    limits = msgspec.structs.replace(STUBBORN, max_answer_bytes=1000)
    link = Link(System("CPLUGIN"), "main", stranger.url, limits, Clock())

    asked = await asked_until_closed(
        link,
        stranger,
        lambda: link.write(WRITE, words, command_call()) if writes else link.read(READ, words, a_call()),
        8,
    )

    assert asked == 8
    await link.aclose()


async def test_m4_failed_commands_open_the_breaker_of_commands_only(link, stranger):
    stranger.answers = [answer(500)]
    asked = await asked_until_closed(link, stranger, lambda: link.write(WRITE, words, command_call()), FAILURES + 3)
    stranger.answers = [answer(200, b"[]")]

    with pytest.raises(Unavailable, match="not called for the moment"):
        link.check("", for_command=True)
    assert asked == FAILURES
    assert await link.read(READ, words, a_call()) == []
    assert link.health().state is LinkState.DEGRADED


async def test_m4_a_complete_answer_closes_a_breaker_again(stranger):
    clock = Clock()
    limits = msgspec.structs.replace(STUBBORN, breaker_open_seconds=0.0)
    link = Link(System("CPLUGIN"), "main", stranger.url, limits, clock)
    stranger.answers = [answer(503)]
    await asked_until_closed(link, stranger, lambda: link.read(READ, words, a_call()), FAILURES)
    before = link.health().state
    stranger.answers = [answer(200, b"<html>")]

    with pytest.raises(Misunderstood):
        await link.read(READ, words, a_call())

    assert (before, link.health().state) == (LinkState.DOWN, LinkState.DEGRADED)
    await link.aclose()


async def test_a_connection_is_down_when_the_breaker_of_its_reads_is_open_although_commands_succeed(link, stranger):
    stranger.answers = [answer(200, b"[]")]
    await link.write(WRITE, words, command_call())
    stranger.answers = [answer(503)]

    await asked_until_closed(link, stranger, lambda: link.read(READ, words, a_call()), FAILURES)

    assert link.health().state is LinkState.DOWN
