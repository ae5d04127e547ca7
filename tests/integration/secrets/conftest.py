"""A server of its own, so that its whole log can be read."""

from collections.abc import Iterator

import pytest
from support.graphs import Graph, running_graph
from support.issuers import FakeIssuer, issuing


@pytest.fixture(scope="module")
def issuer() -> Iterator[FakeIssuer]:
    with issuing() as running:
        yield running


@pytest.fixture(scope="module")
def watched(box, issuer) -> Iterator[Graph]:
    with running_graph(
        box,
        SERVER__REQUEST_DEADLINE_SECONDS="2",
        **issuer.settings,
        AUTH__OIDC__staff__SCOPES='{ desk = ["client:read", "balance:read"] }',
    ) as running:
        yield running
