"""The sandbox that tests share: one child process for the whole run, with every vendor in it."""

import gc
import os
import sys
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from support.boxes import CLIENTS, RunningBox, running_box
from support.longest_first import LongestFirst, longest_first

# A busy machine is no failure, and the same code has the same outcome. The long run looks for new examples.
LONG = os.environ.get("TORTURE") == "long"
settings.register_profile(
    "repeatable", deadline=None, derandomize=not LONG, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")


def pytest_configure():
    """Write bytecode whatever the environment says: each of some hundred child processes would compile all again."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A command that runs in this process configures its log."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def box(tmp_path_factory) -> Iterator[RunningBox]:
    with running_box(tmp_path_factory.mktemp("box"), CLIENTS) as running:
        yield running


@pytest.fixture
def well_behaved(box) -> Iterator[RunningBox]:
    """Use it wherever a test makes something misbehave or counts calls: `pytestmark = pytest.mark.usefixtures(...)`."""
    box.reset()
    yield box
    box.reset()


@pytest.fixture
async def database(box) -> AsyncIterator[asyncpg.Connection]:
    """The sandbox's database with every right: what vendors and the ERP really hold."""
    connection = await asyncpg.connect(box.database_url)
    yield connection
    # A test may have killed the server, and a dead connection cannot be closed in an orderly way.
    connection.terminate()


def pytest_collection_modifyitems(config, items):
    """What a vendor does not have cannot be tested there: such parameters are left out rather than skipped."""

    def applies(item):
        marks = item.iter_markers("applies_to")
        return all(mark.args[0](**item.callspec.params) for mark in marks)

    left_out = [item for item in items if not applies(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = sorted((item for item in items if item not in left_out), key=longest_first)


def pytest_collection_finish():
    """Exempt what is loaded from garbage collection: each full collection would examine half a million objects."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return LongestFirst(config, log) if config.option.dist == "loadfile" else None
