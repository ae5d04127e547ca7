"""A real server of the graph, shared by all tests that ask it something."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest
from support.boxes import RunningBox
from support.graphs import DEADLINE_SECONDS, Graph, running_graph


@pytest.fixture(scope="session")
def graphs(box) -> Iterator[dict[str, Graph]]:
    """A server for each executor, which serves every file: pytest would restart `graph` at each change of parameter."""
    with ExitStack() as stack:
        yield {executor: stack.enter_context(serving(box, executor)) for executor in ("engine", "graphql-core")}


@pytest.fixture(scope="session", params=["engine", "graphql-core"])
def graph(request, graphs) -> Graph:
    return graphs[request.param]


def serving(box: RunningBox, executor: str) -> AbstractContextManager[Graph]:
    return running_graph(
        box,
        SERVER__EXECUTOR=executor,
        # Most tests send an operation once, and must see the answer to a frequent operation.
        SERVER__HOT_AFTER="0",
        SERVER__REQUEST_DEADLINE_SECONDS=str(DEADLINE_SECONDS),
        SERVER__INTROSPECTION="true",
        SERVER__SCHEMA_FILE="callers",
        # What is in doubt stays so, to be looked at; tests/torture has it settled.
        RECONCILIATION__ENABLED="false",
    )
