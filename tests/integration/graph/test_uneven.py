"""The same exact counts when everything below the resolvers takes a different time each time it is asked."""

import random

import anyio
import pytest

from api.services import open_app_services
from api.settings.settings import load_settings
from core.call import Call, Tally
from core.clock import Clock, Deadline
from resolvers.context import Caller
from resolvers.policy.scopes import Scope
from resolvers.request.graphql_request import GraphQLRequest
from upstreams.http.link import Link
from upstreams.postgres.database import Database

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

DASHBOARD = """
{ clients(first: 50) { totalCount nodes {
    webStatus { code } balances { currency } totalFloatingBalance { amount } instructions(first: 1) { totalCount }
    tradingAccounts { totalCount nodes { login client { fullName } live { balance } } }
} } }
"""
# clients, their count, web status, balances, accounts, their counts, instructions, their counts, owners
STATEMENTS = 9


@pytest.fixture
def uneven(monkeypatch):
    """Every statement and every call to a vendor begins after a wait of its own."""
    dice = random.Random(2)

    def slowed(method):
        async def wrapper(*args, **kwargs):
            await anyio.sleep(dice.choice((0, 0, 0.001, 0.005, 0.02)))
            return await method(*args, **kwargs)

        return wrapper

    monkeypatch.setattr(Database, "read", slowed(Database.read))
    monkeypatch.setattr(Link, "read", slowed(Link.read))


@pytest.mark.parametrize("attempt", range(3))
async def test_counts_are_exact_however_unevenly_answers_come(box, uneven, attempt):
    clock = Clock()
    caller = Caller("test", "test", frozenset(str(scope) for scope in Scope), None)
    async with open_app_services(load_settings(box.settings_path, {}), clock) as house:
        call = Call(Deadline.after(20, clock), Tally(), "uneven")

        answer = await house.executor.run(GraphQLRequest(DASHBOARD), caller, call)

    assert answer.body["data"]["clients"]["nodes"]
    assert call.tally.calls["ERP_DATABASE"] + call.tally.calls["STATE_DATABASE"] == STATEMENTS
    live = [
        account["login"]
        for client in answer.body["data"]["clients"]["nodes"]
        for account in client["tradingAccounts"]["nodes"]
        if account["live"]
    ]
    assert len(live) > 20
    assert call.tally.calls["BROKER_WORK"] == 2
