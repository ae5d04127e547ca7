"""A server of its own, so that its whole log can be read."""

from collections.abc import Iterator

import pytest
from support.graphs import Graph, running_graph
from support.issuers import FakeIssuer, issuing
from support.spans import SpanReceiver, receiving_spans, tracing_to


@pytest.fixture(scope="module")
def issuer() -> Iterator[FakeIssuer]:
    with issuing() as running:
        yield running


@pytest.fixture(scope="module")
def receiver() -> Iterator[SpanReceiver]:
    with receiving_spans() as running:
        yield running


@pytest.fixture(scope="module")
def watched(box, issuer, receiver) -> Iterator[Graph]:
    with running_graph(
        box,
        SERVER__REQUEST_DEADLINE_SECONDS="2",
        **issuer.settings,
        **tracing_to(receiver, TRACING__SAMPLE_RATIO="1"),
        AUTH__OIDC__staff__SCOPES='{ desk = ["client:read", "balance:read"] }',
    ) as running:
        yield running
