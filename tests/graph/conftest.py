"""A real server of the graph, shared by all tests that ask it something."""

from collections.abc import Iterator

import pytest
from graphs import DEADLINE_SECONDS, Graph, running_graph


@pytest.fixture(scope="session")
def graph(box) -> Iterator[Graph]:
    with running_graph(
        box,
        SERVER__REQUEST_DEADLINE_SECONDS=str(DEADLINE_SECONDS),
        SERVER__INTROSPECTION="true",
        SERVER__SCHEMA_FILE="true",
        # What is in doubt stays so, to be looked at; tests/torture has it settled.
        SETTLING__ENABLED="false",
    ) as running:
        yield running
