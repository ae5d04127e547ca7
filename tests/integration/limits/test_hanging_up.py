"""Clients that hang up: what only they wanted is given up, and what changes something is not."""

import asyncio
import uuid
from collections.abc import Iterator

import pytest
from support.clients import http_client
from support.graphs import Graph, running_graph
from test_overload import LIVE, ORDER, VIEWER, asked, browser, metrics, present

__all__ = ["browser"]
pytestmark = pytest.mark.anyio

QUERIES = 5


@pytest.fixture(scope="module")
def graph(box) -> Iterator[Graph]:
    with running_graph(box, SERVER__REQUEST_DEADLINE_SECONDS="20", RECONCILIATION__ENABLED="false") as graph:
        yield graph


async def test_a_query_ends_with_its_client_and_a_mutation_does_not(graph, browser, well_behaved):
    for vendor in ("hyper", "cplugin"):
        well_behaved.tell(vendor, "/misbehave", {"fault": "hang"})
    deposit = ORDER.replace('"0"', '"1"').replace("overload", str(uuid.uuid4()))
    order = asyncio.create_task(asked(browser, graph, deposit))
    await present(graph, browser, "in_flight", 1)
    async with http_client(timeout=30) as leaving:
        queries = [asyncio.create_task(asked(leaving, graph, LIVE)) for _ in range(QUERIES)]
        await present(graph, browser, "in_flight", 1 + QUERIES)
        for query in queries:
            query.cancel()
        await asyncio.gather(*queries, return_exceptions=True)
    order.cancel()

    # Long before their deadline, and the order not.
    await present(graph, browser, "in_flight", 1)
    assert f'brokergraph_requests_total{{status="499"}} {QUERIES}.0' in (await metrics(graph, browser))
    assert (await asked(browser, graph, VIEWER)).status_code == 200
    assert "graphql.failed" not in graph.written()
