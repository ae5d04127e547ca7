"""What the ledger refuses to write down, in the transaction that would write it."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from support.ledgers import new_deposit, receive, scratch_database

from core.clock import Clock
from core.commands import MoneyGuards
from core.records import Failure, Reason
from upstreams.state.instructions import Ledger, Transition
from upstreams.state.money_limits import LimitReached

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ledger(box):
    async with scratch_database(box) as (database, _):
        yield Ledger(database, Clock())


async def reject(ledger, record):
    failure = Failure(code=Reason.UPSTREAM_REFUSED, message="no", retry="NEVER")
    return await ledger.advance(record, Transition("REJECTED", "test", failure=failure))


async def test_a_days_deposits_of_a_caller_end_at_the_limit(ledger):
    guards = MoneyGuards(daily_per_caller=Decimal(3))

    await receive(ledger, new_deposit(1, guards=guards))
    await receive(ledger, new_deposit(2, guards=guards, login="2"))
    with pytest.raises(LimitReached) as refused:
        await receive(ledger, new_deposit(3, guards=guards, login="3"))

    assert refused.value.reason is Reason.LIMIT_EXCEEDED
    assert refused.value.message == "This deposit would exceed the caller's limit of 3 USD a day."
    assert await ledger.by_key("partner", "key-3") is None
    await receive(ledger, new_deposit(4, guards=guards, principal="somebody else"))
    await receive(ledger, new_deposit(5, guards=guards, currency="EUR"))


async def test_the_daily_limit_of_an_account_counts_the_deposits_of_all_callers(ledger):
    guards = MoneyGuards(daily_per_account=Decimal("1.5"))

    await receive(ledger, new_deposit(1, guards=guards))
    with pytest.raises(LimitReached) as refused:
        await receive(ledger, new_deposit(2, guards=guards, principal="somebody else"))

    assert refused.value.message == "This deposit would exceed the account's limit of 1.5 USD a day."
    await receive(ledger, new_deposit(3, guards=guards, login="2"))


async def test_what_was_refused_does_not_count(ledger):
    guards = MoneyGuards(daily_per_caller=Decimal("1.5"))
    record, _ = await receive(ledger, new_deposit(1, guards=guards))

    await reject(ledger, record)

    await receive(ledger, new_deposit(2, guards=guards))


async def test_racing_deposits_do_not_pass_the_limit_together(ledger):
    guards = MoneyGuards(daily_per_caller=Decimal(6))

    made = await asyncio.gather(
        *(receive(ledger, new_deposit(number, guards=guards)) for number in range(20)), return_exceptions=True
    )

    assert sum(not isinstance(one, LimitReached) for one in made) == 4


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_the_databases_default_isolation_lets_no_deposits_pass_the_limit_together(box, isolation):
    guards = MoneyGuards(daily_per_caller=Decimal(6))
    async with scratch_database(box) as (database, connection):
        name = await connection.fetchval("SELECT current_database()")
        await connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'")

        made = await asyncio.gather(
            *(receive(Ledger(database, Clock()), new_deposit(number, guards=guards)) for number in range(20)),
            return_exceptions=True,
        )

        assert await connection.fetchval("SELECT sum(amount) FROM brokergraph.instruction") == 6
    assert sum(isinstance(one, LimitReached) for one in made) == 16


async def test_a_twin_is_found_rather_than_counted_twice(ledger):
    guards = MoneyGuards(daily_per_caller=Decimal("1.5"), one_open_per_account=True)

    twins = await asyncio.gather(*(receive(ledger, new_deposit(1, guards=guards)) for _ in range(8)))

    assert sum(is_new for _, is_new in twins) == 1
    assert len({record.id for record, _ in twins}) == 1


async def test_where_deposits_cannot_be_told_apart_an_account_takes_one_at_a_time(ledger):
    guards = MoneyGuards(one_open_per_account=True)
    first, _ = await receive(ledger, new_deposit(1, guards=guards))

    with pytest.raises(LimitReached) as refused:
        await receive(ledger, new_deposit(2, guards=guards))
    assert refused.value.reason is Reason.REQUEST_ALREADY_PENDING
    await receive(ledger, new_deposit(3, guards=guards, login="2"))

    await reject(ledger, first)
    await receive(ledger, new_deposit(4, guards=guards))


async def test_m11_the_day_of_a_limit_is_the_databases_for_a_process_with_a_slow_clock(ledger):
    guards = MoneyGuards(daily_per_caller=Decimal(100))
    yesterday = Clock().now() - timedelta(days=1)
    drafts = [new_deposit(number, guards=guards, amount=Decimal(30), now=yesterday) for number in range(8)]

    outcomes = await asyncio.gather(*(receive(ledger, draft) for draft in drafts), return_exceptions=True)

    assert sum(isinstance(outcome, LimitReached) for outcome in outcomes) == 5
    record, _ = next(outcome for outcome in outcomes if not isinstance(outcome, LimitReached))
    assert record.created_at > yesterday + timedelta(hours=23)
    assert [event.at for event in record.events] == [record.created_at]
