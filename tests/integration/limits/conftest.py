"""Stores of budgets as they are in production: a migrated database and a Redis of its own."""

import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from shutil import which

import anyio
import pytest
from support.limits_stores import OPENERS

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
    program = which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    child = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"]
    )
    try:
        wait_for(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        child.terminate()
        child.wait(10)


def wait_for(port: int) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("Redis did not start")


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
