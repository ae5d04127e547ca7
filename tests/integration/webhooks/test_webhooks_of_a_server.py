"""A real server sends the events of a deposit, and the receiver reads the rest back through the graph."""

import asyncio
import re
import uuid

import pytest
from support.graphs import running_graph
from support.polling import until
from support.receivers import receiving
from support.senders import KEY
from support.served import Operator

pytestmark = pytest.mark.anyio
DEPOSIT = """mutation ($input: DepositInput!) { deposit(input: $input) {
  ... on DepositConfirmed { instruction { id } } ... on MutationError { code message } } }"""
READ = "query ($id: ID!) { node(id: $id) { ... on Instruction { status amount { amount currency } } } }"
VARIABLES = {"WEBHOOKS__KEY": KEY.reveal(), "WEBHOOKS__ALLOW_PRIVATE": "true"}


@pytest.fixture(scope="module")
def graph(box):
    with running_graph(box, **VARIABLES) as running:
        yield running


async def test_a_deposit_is_pushed_and_read_back(graph, box, well_behaved):
    operator = Operator(box.settings_path, {f"BROKERGRAPH_{name}": value for name, value in VARIABLES.items()})

    async def command(*words):
        done = await asyncio.to_thread(operator.run_here, "webhooks", *words)
        assert done.exit_code == 0, done.output
        return done

    async with receiving() as receiver:
        done = await command("add", "demo", f"http://127.0.0.1:{receiver.port}/", "--kinds", "DEPOSIT")
        hook = re.search(r"hook-[0-9a-f]{8}", done.stderr)[0]
        try:
            order = {"account": {"account": {"server": "R1", "login": "61436"}}, "amount": "2.50", "currency": "USD",
                     "idempotencyKey": str(uuid.uuid4())}  # fmt: skip
            told = await asyncio.to_thread(graph.data, DEPOSIT, {"input": order})
            identity = told["deposit"]["instruction"]["id"]
            await until(lambda: (identity, "CONFIRMED") in receiver.events)
        finally:
            await command("disable", hook)

    receiver.verify(done.stdout.strip())
    assert [state for instruction, state in receiver.events if instruction == identity] == [
        *("RECEIVED", "SENT", "CONFIRMED"),
    ]
    raw = b"".join(receiver.raw)
    assert b"61436" not in raw
    assert b"2.5" not in raw
    read = graph.data(READ, {"id": identity})["node"]
    assert read == {"status": "CONFIRMED", "amount": {"amount": "2.50", "currency": "USD"}}
    shown = graph.client.get(f"{graph.url}/metrics", headers={"authorization": "Bearer demo-operator"}).text
    assert re.search(r'brokergraph_webhook_deliveries_total\{outcome="delivered"\} [1-9]', shown)
    assert done.stdout.strip() not in graph.written()
