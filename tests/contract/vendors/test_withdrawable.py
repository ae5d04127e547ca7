"""How much a client may withdraw while trades close and answers are damaged."""

from decimal import Decimal

import pytest
from support.vendor_calls import a_call

from core.commands import WithdrawalCommand
from core.errors import Misunderstood, Reason, Rejected
from upstreams.http.link import Link
from upstreams.http.tokens.access_tokens import AuthorisedLink
from upstreams.vendors.cplugin.reads import TradePlatform

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

FIGURES = """UPDATE platform.account SET balance = $3, credit = $4, floating = $5, margin = $6
             WHERE server = $1 AND login = $2"""


class Account:
    def __init__(self, database, server, login):
        self.database, self.server, self.login = database, server, login

    async def has(self, balance, credit, floating, margin):
        figures = [Decimal(one) for one in (balance, credit, floating, margin)]
        await self.database.execute(FIGURES, self.server, self.login, *figures)

    def withdrawal(self, amount):
        return WithdrawalCommand(self.server, str(self.login), Decimal(amount), "USD", "bg0", "key")


@pytest.fixture
def server():
    return "R1"


@pytest.fixture
async def account(database, server):
    query = "SELECT * FROM platform.account WHERE server = $1 AND currency = 'USD' ORDER BY login DESC LIMIT 1"
    row = await database.fetchrow(query, server)
    one = Account(database, server, row["login"])
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


@pytest.mark.parametrize(
    "server, owner, step",
    [("R1", AuthorisedLink, "prepare"), ("R3", AuthorisedLink, "prepare"), ("M1", Link, "open_session")],
)
async def test_a_loss_while_the_command_gets_ready_is_seen(house, account, server, owner, step, monkeypatch):
    """The funds are read after the token or the session: nothing is left between them and the command."""
    await account.has(100, 0, 0, 0)
    get_ready = getattr(owner, step)

    async def and_lose(*arguments, **more):
        try:
            return await get_ready(*arguments, **more)
        finally:
            await account.has(10, 0, 0, 0)

    monkeypatch.setattr(owner, step, and_lose)
    with pytest.raises(Rejected) as refused:
        await house.servers[server].withdrawals.prepare(account.withdrawal(100), a_call())

    assert refused.value.reason is Reason.INSUFFICIENT_FUNDS
