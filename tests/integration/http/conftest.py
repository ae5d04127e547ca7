"""An impatient server, shared by nearly all tests of HTTP, and one without CORS."""

from collections.abc import Iterator

import pytest
from support.graphs import Graph, running_graph
from support.wire import BODY_SECONDS, CONNECTIONS, HEADER_SECONDS, KEEP_ALIVE_SECONDS, ORIGIN


@pytest.fixture(scope="session")
def direct(box) -> Iterator[Graph]:
    """Without CORS, where answers are written at once (api/wire/direct_write.py)."""
    with running_graph(box, SERVER__GRAPHIQL="true", RECONCILIATION__ENABLED="false") as running:
        yield running


@pytest.fixture(scope="session")
def edge(box) -> Iterator[Graph]:
    with running_graph(
        box,
        HTTP__HEADER_TIMEOUT_SECONDS=str(HEADER_SECONDS),
        HTTP__BODY_TIMEOUT_SECONDS=str(BODY_SECONDS),
        HTTP__KEEP_ALIVE_SECONDS=str(KEEP_ALIVE_SECONDS),
        HTTP__MAX_CONNECTIONS=str(CONNECTIONS),
        HTTP__CORS_ORIGINS=f'["{ORIGIN}"]',
        HTTP__MAX_VARIABLES_BYTES="2000",
        DOCUMENTS__MAX_AGE_SECONDS="7",
        SERVER__INTROSPECTION="true",
        SERVER__GRAPHIQL="true",
        RECONCILIATION__ENABLED="false",
    ) as running:
        yield running
