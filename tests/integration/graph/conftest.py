"""A real server of the graph, shared by all tests that ask it something."""

from collections.abc import Iterator

import pytest
from support.graphs import DEADLINE_SECONDS, Graph, running_graph


@pytest.fixture(scope="session", params=["engine", "graphql-core"])
def graph(request, box) -> Iterator[Graph]:
    with running_graph(
        box,
        SERVER__EXECUTOR=request.param,
        # Most tests send an operation once, and must see the answer to a frequent operation.
        SERVER__HOT_AFTER="0",
        SERVER__REQUEST_DEADLINE_SECONDS=str(DEADLINE_SECONDS),
        SERVER__INTROSPECTION="true",
        SERVER__SCHEMA_FILE="callers",
        # What is in doubt stays so, to be looked at; tests/torture has it settled.
        RECONCILIATION__ENABLED="false",
    ) as running:
        yield running
