"""Stores of budgets as they are in production: a migrated database and a Redis of its own."""

from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from support.limits_stores import OPENERS
from support.replicas import redis_server

from core.secret import Secret
from upstreams.postgres.migrate import migrate
from upstreams.state.budgets.token_bucket import BudgetStore


@pytest.fixture(scope="session")
def state_url(box) -> str:
    """The address of a state database with every migration."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, migrate, Secret(box.graph_database_url)).result()
    return box.graph_database_url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(params=list(OPENERS))
def opened(request) -> Callable[[], object]:
    """Opens the store: once in each loop that uses it."""
    fixtures = {"postgresql": "state_url", "redis": "redis_url"}
    url = request.getfixturevalue(fixtures[request.param]) if request.param in fixtures else ""
    return lambda: OPENERS[request.param](url)


@pytest.fixture
async def store(opened) -> AsyncIterator[BudgetStore]:
    async with opened() as one:
        yield one
