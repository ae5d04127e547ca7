"""A request leaves no cycles. The search for cycles stops all requests, the longer the more cycles it finds."""

import gc

import pytest

from api.services import open_app_services
from api.settings.settings import load_settings
from core.call import Call, Tally
from core.clock import Clock, Deadline
from resolvers.context import Caller
from resolvers.policy.scopes import Scope
from resolvers.request.graphql_request import GraphQLRequest

pytestmark = pytest.mark.anyio

CALLER = Caller("operator", "operator", frozenset(Scope), None)
OURS = ("api.", "core.", "engine.", "instructions.", "resolvers.", "upstreams.")
ASKED = {
    "a page": "{ clients(first: 9) { nodes { clientNumber balances { currency balance } } } }",
    "a page with figures": """{ clients(first: 9) { nodes { tradingAccounts(first: 3) { nodes {
        login live { leverage balance } } } } } }""",
    "one client": "{ client(by: {clientNumber: 500608}) { fullName tradingAccounts { nodes { live { group } } } } }",
    "look-ups below an account": """{ tradingAccount(by: {account: {server: "R1", login: "55521"}}) {
        client { fullName webStatus { code } } } }""",
}
ROUNDS = 3


def ours() -> list[str]:
    """What of ours only the search for cycles has found."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return sorted(one.__class__.__qualname__ for one in gc.garbage if one.__class__.__module__.startswith(OURS))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


@pytest.mark.usefixtures("well_behaved")
@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
async def test_a_request_leaves_nothing_to_the_search_for_cycles(box, asked):
    clock = Clock()
    settings = load_settings(box.settings_path, {"BROKERGRAPH_RECONCILIATION__ENABLED": "false"})
    async with open_app_services(settings, clock) as house:

        async def ask():
            call = Call(Deadline.after(5, clock), Tally(), "request")
            answer = await house.executor.run(GraphQLRequest(asked), CALLER, call)
            assert answer.body["data"], answer.body

        # The plan, the code and the connections are made, and kept.
        for _ in range(ROUNDS):
            await ask()
        gc.collect()
        gc.disable()
        try:
            await ask()
            assert ours() == []
        finally:
            gc.enable()
