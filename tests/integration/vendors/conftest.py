"""The graph over the sandbox, for tests of what each vendor gives it."""

from collections.abc import Iterator

import pytest
from support.graphs import Graph, running_graph


@pytest.fixture(scope="session")
def graph(box) -> Iterator[Graph]:
    with running_graph(box) as running:
        yield running
