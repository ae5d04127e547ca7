"""Three partners on one server: acme may run anything, watched is looked at, strict runs only what was agreed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from support.agreed_documents import CACHE_SECONDS, PARTNERS, Partner, brokergraph, scratch_database
from support.graphs import Graph, running_graph

from core.secret import Secret
from upstreams.postgres.migrate import migrate


@pytest.fixture(scope="session")
def state_url(box) -> str:
    """A state database of its own, with its own keys and documents."""
    url = scratch_database(box)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, migrate, Secret(url)).result()
    return url


@pytest.fixture(scope="session")
def keys(box, state_url) -> dict[str, str]:
    return {name: brokergraph(box, state_url, *make_key(name)).stdout.strip() for name in PARTNERS}


def make_key(name: str) -> list[str]:
    return ["keys", "create", name, "--scope", "client:read"]


@pytest.fixture(scope="session")
def documents_graph(box, state_url) -> Iterator[Graph]:
    with running_graph(
        box,
        STATE__DATABASE_URL=state_url,
        DOCUMENTS__PARTNERS='{ strict = "enforce", watched = "log" }',
        DOCUMENTS__CACHE_SECONDS=str(CACHE_SECONDS),
        DOCUMENTS__MAX_AGE_SECONDS="7",
        AUTH__KEY_CACHE_SECONDS="0.1",
        STATE__CONNECT_TIMEOUT_SECONDS="1",
        RECONCILIATION__ENABLED="false",
    ) as running:
        yield running


@pytest.fixture
def partner(documents_graph, keys):
    """partner("acme") asks as acme does."""

    def of(name: str) -> Partner:
        return Partner(documents_graph, keys[name])

    return of


@pytest.fixture
def command(box, state_url):
    """`brokergraph documents ...` against the same database."""

    def run(*words: str):
        return brokergraph(box, state_url, "documents", *words)

    return run
