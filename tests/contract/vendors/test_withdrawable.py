"""How much MT4 behind CPlugin lets a client withdraw, while trades close and answers are damaged."""

from decimal import Decimal

import pytest
from support.vendor_calls import a_call

from core.commands import WithdrawalCommand
from core.errors import Misunderstood, Reason, Rejected
from upstreams.vendors.cplugin.reads import TradePlatform

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

FIGURES = """UPDATE platform.account SET balance = $2, credit = $3, floating = $4, margin = $5
             WHERE server = 'R1' AND login = $1"""


class Account:
    def __init__(self, database, login):
        self.database, self.login = database, login

    async def has(self, balance, credit, floating, margin):
        figures = [Decimal(one) for one in (balance, credit, floating, margin)]
        await self.database.execute(FIGURES, self.login, *figures)

    def withdrawal(self, amount):
        return WithdrawalCommand("R1", str(self.login), Decimal(amount), "USD", "bg0", "key")


@pytest.fixture
async def account(database):
    row = await database.fetchrow(
        "SELECT * FROM platform.account WHERE server = 'R1' AND currency = 'USD' ORDER BY login DESC LIMIT 1"
    )
    one = Account(database, row["login"])
    yield one
    await one.has(row["balance"], row["credit"], row["floating"], row["margin"])


async def test_a_trade_that_closes_at_a_loss_between_the_reads_leaves_no_more_than_the_new_balance(
    house, account, monkeypatch
):
    await account.has(100, 0, -30, 10)
    get = TradePlatform.get

    async def close_after(platform, *arguments, **more):
        try:
            return await get(platform, *arguments, **more)
        finally:
            await account.has(70, 0, 0, 0)

    monkeypatch.setattr(TradePlatform, "get", close_after)
    with pytest.raises(Rejected) as refused:
        await house.servers["R1"].withdrawals.require_funds(account.withdrawal(100), a_call())

    assert refused.value.reason is Reason.INSUFFICIENT_FUNDS


@pytest.mark.parametrize("figure", ["credit", "balance"])
async def test_without_a_figure_nothing_is_withdrawn(house, account, box, figure):
    await account.has(100, 50, -30, 10)
    fault = {"fault": "rewrite", "find": f'"{figure}": ?[0-9.]+', "text": f'"{figure}":null', "path": "UserRecord"}
    box.tell("cplugin", "/misbehave", fault)

    with pytest.raises(Misunderstood):
        await house.servers["R1"].withdrawals.require_funds(account.withdrawal(80), a_call())
