"""The check of the books: many accounts in one call, and no difference that is not certain."""

from decimal import Decimal

import pytest
from support.vendor_calls import a_call, changed, settings

from core.clock import Clock
from core.errors import Misunderstood, Unavailable
from upstreams.open import open_upstreams
from upstreams.vendors.kit.token_store import memory_tokens

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

TWO = ["61436", "55521"]


@pytest.fixture
async def books(house):
    return house.servers["R1"].books_check


def answer_with(box, *rows):
    box.tell("cplugin", "/misbehave", {"fault": "json", "json": {"data": rows, "error": None}, "path": "AdmBalance"})


async def test_an_account_without_a_row_has_no_difference(books, database, box):
    await database.execute("INSERT INTO platform.books_difference VALUES ('R1', 61436, -12.34)")
    try:
        call = a_call()
        found = await books.differences([*TWO, "x"], call)
    finally:
        await database.execute("DELETE FROM platform.books_difference")

    assert found == {"61436": Decimal("-12.34")}
    assert (call.tally.calls["CPLUGIN"], call.tally.keys["CPLUGIN"]) == (1, 2)
    assert await books.differences(TWO, a_call()) == {}


async def test_a_difference_of_zero_is_none_and_doubles_are_exact(books, box):
    answer_with(box, {"login": 61436, "diff": 0.0}, {"login": 55521, "diff": 0.30000000000000004})

    assert await books.differences(TWO, a_call()) == {"55521": Decimal("0.3")}


@pytest.mark.parametrize("value", [None, "NaN", ["?"]])
async def test_an_unreadable_row_is_an_error_of_its_account(books, box, value):
    answer_with(box, {"login": 61436, "diff": value}, {"login": 55521, "diff": 1})

    found = await books.differences(TWO, a_call())

    assert isinstance(found["61436"], Misunderstood)
    assert found["55521"] == 1


async def test_a_row_twice_is_an_error(books, box):
    answer_with(box, {"login": 61436, "diff": 1}, {"login": 61436, "diff": 1})

    assert isinstance((await books.differences(TWO, a_call()))["61436"], Misunderstood)


async def test_an_answer_of_other_accounts_is_none(books, box):
    answer_with(box, {"login": 7, "diff": 1})

    with pytest.raises(Misunderstood):
        await books.differences(TWO, a_call())


async def test_a_failed_call_is_an_error(books, box):
    box.tell("cplugin", "/misbehave", {"fault": "business_error", "code": "NoConnect"})

    with pytest.raises(Unavailable):
        await books.differences(TWO, a_call())


async def test_servers_without_the_call_have_no_port(box, house):
    assert [name for name, one in house.servers.items() if one.books_check is not None] == ["R1", "R3"]
    config = changed(settings(box), "cplugin", "legacy", read_through_v2=False)
    async with open_upstreams(config, Clock(), memory_tokens) as opened:
        assert opened.servers["R3"].books_check is None
