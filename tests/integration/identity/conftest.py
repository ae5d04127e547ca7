"""A real server that believes a real issuer."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from support.graphs import Graph, running_graph
from support.issuers import FakeIssuer, issuing

SCOPES = """{ desk = ["client:read", "balance:read", "instruction:read", "deposit:create"], ops = ["metrics:read"],
trader = ["client:read", "trade:read"],
all = ["client:read", "balance:read", "instruction:read", "deposit:create", "account:create",
"account-request:create", "schema:read", "metrics:read"] }""".replace("\n", " ")


@dataclass
class Believing:
    """The graph, and the issuer whose tokens it believes."""

    graph: Graph
    issuer: FakeIssuer


@pytest.fixture(scope="session")
def believing(box) -> Iterator[Believing]:
    with (
        issuing() as issuer,
        running_graph(
            box,
            **issuer.settings,
            AUTH__OIDC__staff__SCOPES=SCOPES,
            AUTH__OIDC__staff__EVERY_AGENCY="all",
            AUTH__OIDC__staff__CLIENT_NUMBER_CLAIM="client",
            AUTH__OIDC__staff__CLIENT_NUMBER_REQUIRED="false",
            AUTH__OIDC__staff__KEYS_REFRESH_AT_MOST_EVERY_SECONDS="0",
            AUTH__KEY_CACHE_SECONDS="0",
            AUTH__LAST_USED_EVERY_SECONDS="0.2",
            RECONCILIATION__ENABLED="false",
        ) as graph,
    ):
        yield Believing(graph, issuer)
