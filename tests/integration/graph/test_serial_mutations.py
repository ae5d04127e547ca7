"""C8: the mutations of one operation run one after another to the end, and none begins after the deadline."""

import asyncio
import itertools
import time

import pytest
from support.mutations import new_key

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

SPANS = """SELECT min(e.at) FILTER (WHERE e.status = 'SENT') AS sent,
                  max(e.at) FILTER (WHERE e.status = 'CONFIRMED') AS confirmed
           FROM brokergraph.instruction_event e JOIN brokergraph.instruction i ON i.id = e.instruction_id
           WHERE i.idempotency_key = ANY($1) GROUP BY i.id ORDER BY sent"""


def operation(server: str, login: str, keys: list[str]) -> str:
    fields = (
        f'm{number}: deposit(input: {{ account: {{ account: {{ server: "{server}", login: "{login}" }} }},'
        f' amount: "1.00", currency: USD, idempotencyKey: "{key}" }})'
        " { __typename ... on MutationError { code retry message } }"
        for number, key in enumerate(keys)
    )
    return f"mutation {{ {' '.join(fields)} }}"


@pytest.fixture
async def login(database) -> str:
    return await database.fetchval(
        """SELECT a.login::text FROM platform.account a JOIN brokergraph_erp.client c USING (client_number)
           JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
           WHERE a.server = 'R1' AND a.currency = 'USD' AND c.identity_locked AND c.erp_status IN (4, 5)
                 AND a.client_number > 600000 AND a.enabled AND NOT a.read_only ORDER BY a.login LIMIT 1"""
    )


async def test_c8_mutations_that_have_not_begun_at_the_deadline_are_not_sent(graph, well_behaved, database, login):
    keys = [new_key() for _ in range(8)]
    well_behaved.tell("cplugin", "/misbehave", {"fault": "latency", "seconds": 0.7, "path": "TradeTransaction"})

    outcomes = list(graph.data(operation("R1", login, keys)).values())
    names = [outcome["__typename"] for outcome in outcomes]
    sent = len(names) - names.count("UpstreamFailed")
    late = time.monotonic() + 60
    spans = []
    while len([span for span in spans if span["confirmed"]]) < sent and time.monotonic() < late:
        await asyncio.sleep(0.05)
        spans = await database.fetch(SPANS, keys)

    assert 1 <= names.count("DepositConfirmed") < len(keys)
    assert names == sorted(names, key=["DepositConfirmed", "InstructionPending", "UpstreamFailed"].index)
    assert names.count("InstructionPending") <= 1
    assert {outcome["retry"] for outcome in outcomes if outcome["__typename"] == "UpstreamFailed"} == {"SAME_KEY"}
    assert all("nothing was sent" in outcome["message"] for outcome in outcomes[sent:])
    assert len(spans) == sent
    assert all(before["confirmed"] <= after["sent"] for before, after in itertools.pairwise(spans))
    calls = well_behaved.calls("cplugin")["by_path"]
    assert [("TradeTransaction" in path, number) for path, number in calls.items()] == [(True, sent)]


async def test_c8_what_was_not_sent_can_be_sent_with_the_same_key(graph, well_behaved, login):
    keys = [new_key() for _ in range(6)]
    well_behaved.tell("cplugin", "/misbehave", {"fault": "latency", "seconds": 0.9, "path": "TradeTransaction"})
    first = [one["__typename"] for one in graph.data(operation("R1", login, keys)).values()]
    well_behaved.reset()

    again, late = ["InstructionPending"], time.monotonic() + 60
    while "InstructionPending" in again and time.monotonic() < late:
        await asyncio.sleep(0.05)
        again = [one["__typename"] for one in graph.data(operation("R1", login, keys)).values()]

    assert "UpstreamFailed" in first
    assert again == ["DepositConfirmed"] * 6
