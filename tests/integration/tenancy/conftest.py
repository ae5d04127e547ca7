"""A server that accepts an issuer, with data of other tenants."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from support.graphs import Graph, running_graph
from support.issuers import OWN_CLIENT, issuing

from resolvers.policy.scopes import Scope


@dataclass(frozen=True)
class Callers:
    """A server, and the credentials of the probing callers."""

    graph: Graph
    bound: str
    own: str


@pytest.fixture(scope="module")
def callers(box) -> Iterator[Callers]:
    scopes = json.dumps([str(scope) for scope in Scope])
    with (
        issuing() as issuer,
        running_graph(
            box,
            **issuer.settings,
            AUTH__OIDC__staff__SCOPES=f"{{ all = {scopes} }}",
            AUTH__OIDC__staff__CLIENT_NUMBER_CLAIM="client",
            AUTH__OIDC__staff__CLIENT_NUMBER_REQUIRED="false",
            RECONCILIATION__ENABLED="false",
            STREAMS__BOOKMARK_SECONDS="0.5",
        ) as graph,
    ):
        bound = issuer.token(sub="bound", scope="all", agencies=[1])
        yield Callers(graph, bound, issuer.token(sub="own", scope="all", client=OWN_CLIENT))
