"""A new account in two steps: one login, whatever answer is lost, and a password that no other caller learns."""

from datetime import UTC, datetime
from itertools import count

import pytest
from support.doubts import LeapingClock, opened
from support.vendor_calls import a_call, changed

from core.commands import NewAccountCommand
from core.errors import Misunderstood, OutcomeUnknown, Unavailable
from upstreams.vendors.cplugin.commands import account_search as users
from upstreams.vendors.cplugin.commands import writes as writing

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

numbers = count(1)


@pytest.fixture
def clock() -> LeapingClock:
    return LeapingClock()


@pytest.fixture
async def house(well_behaved, clock, monkeypatch):
    monkeypatch.setattr(writing, "GRACE_SECONDS", 0.2)
    async with opened(well_behaved, clock) as upstreams:
        yield upstreams


@pytest.fixture
def server(house):
    return house.servers["R1"]


@pytest.fixture
def order() -> NewAccountCommand:
    reference = f"BGLOGIN{next(numbers):06}"
    return NewAccountCommand("R1", "Basic_IL2", "Dana Levi", None, None, reference, f"key-{reference}")


@pytest.fixture
def made(database):
    """The accounts that the trading server holds for an order: (login, has a password)."""

    async def find(order: NewAccountCommand, server: str = "R1") -> list[tuple[str, bool]]:
        query = "SELECT login, has_password FROM platform.account WHERE server = $1 AND external_id = $2 ORDER BY login"
        return [(str(row[0]), row[1]) for row in await database.fetch(query, server, order.reference)]

    return find


async def sent(server, order):
    return await (await server.accounts.prepare(order, a_call(60))).send()


def healed(box, clock):
    """The vendor behaves, and the circuit breaker has had its pause."""
    box.tell("cplugin", "/reset")
    clock.ahead += 10


async def find(server, order):
    return await server.account_history.find(order, datetime.now(UTC), a_call())


@pytest.mark.parametrize("path", ["UserRecordNew", "UserPasswordSet"])
@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "drop_after"},
        {"fault": "drop_before"},
        {"fault": "status", "status": 500, "apply": True},
        {"fault": "slow_then_ok", "seconds": 4},
        {"fault": "nonsense", "apply": True},
        {"fault": "business_error", "code": "OutcomeUnknown", "apply": True},
    ],
    ids=str,
)
async def test_a_step_whose_answer_is_lost_is_taken_once(server, order, made, box, path, fault):
    box.tell("cplugin", "/misbehave", fault | {"path": path, "times": 1})

    receipt = await sent(server, order)

    assert await made(order) == [(receipt.login, True)]
    assert len(receipt.initial_password) == 15


async def test_a_lost_account_is_found_and_gets_a_password_that_no_caller_sees(server, order, made, box, clock):
    box.tell("cplugin", "/misbehave", {"fault": "drop_after", "path": "UserRecordNew"})
    with pytest.raises(OutcomeUnknown):
        await sent(server, order)
    [(login, has_password)] = await made(order)
    assert not has_password
    healed(box, clock)

    receipt = await find(server, order)

    assert (receipt.server, receipt.login, receipt.initial_password) == ("R1", login, None)
    assert await made(order) == [(login, True)]


async def test_a_second_step_that_fails_carries_the_login_and_can_be_taken_up(server, order, made, box, clock):
    box.tell("cplugin", "/misbehave", {"fault": "business_error", "code": "NoConnect", "path": "UserPasswordSet"})
    with pytest.raises(OutcomeUnknown) as half:
        await sent(server, order)
    with pytest.raises(OutcomeUnknown) as again:
        await find(server, order)
    healed(box, clock)

    receipt = await find(server, order)

    assert half.value.upstream_reference == again.value.upstream_reference == receipt.login
    assert await made(order) == [(receipt.login, True)]


async def test_an_account_that_was_never_made_is_not_found(server, order, made, box, clock):
    box.tell("cplugin", "/misbehave", {"fault": "drop_before", "path": "UserRecordNew"})
    with pytest.raises(OutcomeUnknown):
        await sent(server, order)
    healed(box, clock)

    assert await find(server, order) is None
    assert await made(order) == []


async def test_all_pages_are_read(server, order, database, box, monkeypatch):
    receipt = await sent(server, order)
    monkeypatch.setattr(users, "PAGE_USERS", 50)
    box.tell("cplugin", "/reset")

    found = await find(server, order)

    accounts = await database.fetchval("SELECT count(*) FROM platform.account WHERE server = 'R1'")
    pages = box.calls("cplugin")["by_path"]["/api/v2/MT4/{tp}/UsersRequest"]
    assert found.login == receipt.login
    assert pages == -(-accounts // 50) > 1


async def test_a_list_too_long_to_be_read_proves_nothing(server, order, monkeypatch):
    monkeypatch.setattr(users, "PAGE_USERS", 1)
    monkeypatch.setattr(users, "MOST_PAGES", 3)

    with pytest.raises(Unavailable, match="more accounts than can be searched"):
        await find(server, order)


@pytest.mark.parametrize(
    "paging", [{"hasMore": True}, {"hasMore": True, "nextCursor": "c"}], ids=["no cursor", "the same cursor"]
)
async def test_pages_that_lead_nowhere_prove_nothing(server, order, box, paging):
    endless = {"data": [], "error": None, "meta": {"paging": paging}}
    box.tell("cplugin", "/misbehave", {"fault": "json", "json": endless, "path": "UsersRequest"})

    with pytest.raises(Misunderstood):
        await find(server, order)


async def test_two_logins_for_one_command_need_a_person(server, order, database):
    first = await sent(server, order)
    await database.execute(
        """INSERT INTO platform.account SELECT (jsonb_populate_record(a, '{"login": 999000111}')).*
           FROM platform.account a WHERE server = 'R1' AND login = $1""",
        int(first.login),
    )

    try:
        with pytest.raises(Misunderstood):
            await find(server, order)
    finally:
        await database.execute("DELETE FROM platform.account WHERE server = 'R1' AND login = 999000111")


async def test_another_group_under_our_reference_is_for_a_person(server, order, database):
    first = await sent(server, order)
    change = "UPDATE platform.account SET group_name = $2 WHERE server = 'R1' AND login = $1"
    await database.execute(change, int(first.login), "Pro_IL")

    with pytest.raises(Misunderstood):
        await find(server, order)

    await database.execute(change, int(first.login), order.group)


async def test_one_of_the_two_fields_is_enough(server, order, database):
    first = await sent(server, order)
    await database.execute(
        "UPDATE platform.account SET comment = 'VIP, call back' WHERE server = 'R1' AND login = $1", int(first.login)
    )

    assert (await find(server, order)).login == first.login


async def test_a_password_in_use_is_left_alone(server, order, database, box):
    first = await sent(server, order)
    digest = "SELECT password_sha256 FROM platform.account WHERE server = 'R1' AND login = $1"
    before = await database.fetchval(digest, int(first.login))
    used = [{"login": int(first.login), "group": order.group, "comment": order.reference, "externalId": ""}]
    used[0] |= {"registrationDate": "2026-03-01T10:00:00Z", "lastDate": "2026-03-01T11:00:00Z"}
    box.tell("cplugin", "/misbehave", {"fault": "patch", "json": {"data": used}, "path": "UsersRequest"})

    assert (await find(server, order)).login == first.login
    assert await database.fetchval(digest, int(first.login)) == before


async def test_v1_makes_one_account_and_never_repeats(house, made, box, clock):
    legacy = house.servers["R3"]
    order = NewAccountCommand("R1", "Classic", "Dana Levi", None, None, f"BGLOGIN{next(numbers):06}", "key")
    box.tell("cplugin", "/misbehave", {"fault": "drop_after", "path": "UserRecordNew", "times": 1})

    with pytest.raises(OutcomeUnknown):
        await sent(legacy, order)

    [(login, _)] = await made(order, "R3")
    assert clock.slept == []
    assert (await find(legacy, order)).login == login


async def test_without_v2_there_is_no_list_to_search(well_behaved, clock):
    def blind(config):
        return changed(config, "cplugin", "legacy", read_through_v2=False)

    async with opened(well_behaved, clock, blind) as house:
        for name in ("R3", "A1", "R2", "L1"):
            assert house.servers[name].account_history is None
