"""A fail-over of the state database in the middle of a deposit: it is done once, and its outcome is stored."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from support.graphs import Graph, running_graph
from support.mutations import STATUSES, deposit, new_key, statuses
from support.polling import until
from support.served import Operator
from support.standbys import StandbyPair, debians_postgresql, standby_pair

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

THINKING_SECONDS = 1.0
DEALS = "SELECT count(*) FROM platform.deal WHERE comment = $1"
STATUS = "SELECT status FROM brokergraph.instruction WHERE idempotency_key = $1"
REFERENCE = "SELECT reference FROM brokergraph.instruction WHERE idempotency_key = $1"
LIST = "{ instructions(first: 9) { nodes { idempotencyKey status } } }"


@pytest.fixture
async def servers(tmp_path) -> AsyncIterator[StandbyPair]:
    with debians_postgresql():
        async with standby_pair(tmp_path) as pair:
            yield pair


def prepare(operator: Operator) -> str:
    """The key of a caller."""
    assert operator.run_here("migrate").exit_code == 0
    scopes = ("client:read", "instruction:read", "deposit:create", "balance:read")
    made = operator.run_here("keys", "create", "payer", *(word for one in scopes for word in ("--scope", one)))
    assert made.exit_code == 0, made.output
    return made.stdout.strip()


async def test_a_deposit_outlives_the_primary_of_its_ledger(well_behaved, servers, database):
    operator = Operator(well_behaved.settings_path, {"BROKERGRAPH_STATE__DATABASE_URL": servers.url})
    caller = await asyncio.to_thread(prepare, operator)
    settings = {"STATE__DATABASE_URL": servers.url, "RECONCILIATION__ENABLED": "false"}
    with running_graph(well_behaved, **settings) as graph:
        earlier = await pay(graph, new_key(), caller)
        slow = {"fault": "slow_then_ok", "path": "TradeTransaction", "times": 1, "seconds": THINKING_SECONDS}
        well_behaved.tell("cplugin", "/misbehave", slow)
        key = new_key()
        paying = asyncio.create_task(pay(graph, key, caller))
        standby = await asyncpg.connect(servers.replica_url)
        await until(lambda: is_sent(standby, key))
        await servers.fail_over()
        paid = await paying
        again = await pay(graph, key, caller)
        later = await pay(graph, new_key(), caller)
        listed = await asyncio.to_thread(graph.data, LIST, None, caller)

        assert [one["__typename"] for one in (paid, again, later)] == ["DepositConfirmed"] * 3
        assert statuses(paid) == STATUSES
        assert again["instruction"] == paid["instruction"]
        for told in (earlier, paid, later):
            reference = await standby.fetchval(REFERENCE, told["instruction"]["idempotencyKey"])
            assert await database.fetchval(DEALS, reference) == 1
        keys = [told["instruction"]["idempotencyKey"] for told in (later, paid, earlier)]
        assert listed["instructions"]["nodes"] == [{"idempotencyKey": one, "status": "CONFIRMED"} for one in keys]
        await standby.close()


async def pay(graph: Graph, key: str, caller: str) -> dict:
    return await asyncio.to_thread(deposit, graph, "R1", "61436", key=key, caller=caller)


async def is_sent(connection: asyncpg.Connection, key: str) -> bool:
    return await connection.fetchval(STATUS, key) == "SENT"
