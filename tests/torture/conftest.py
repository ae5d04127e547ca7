"""A sandbox for the money tests alone, migrated, with every server's history proven; and a graph that survives."""

import anyio
import asyncpg
import pytest
from support.boxes import running_box
from support.rig import SERVERS, Order, accounts, serving

from api.cli.demo_keys import add_demo_keys
from api.settings.settings import load_settings
from upstreams.postgres.migrate import migrate


@pytest.fixture(scope="session")
def battlefield(tmp_path_factory):
    with running_box(tmp_path_factory.mktemp("battlefield"), 300) as box:
        anyio.run(_prepare, box.settings_path)
        yield box


async def _prepare(settings_path):
    settings = load_settings(settings_path, {})
    await migrate(settings.erp.database_url)
    await add_demo_keys(settings)


@pytest.fixture(scope="session")
def box(battlefield):
    """The shared fixtures `database` and `well_behaved` work on the battlefield here."""
    return battlefield


@pytest.fixture(scope="session")
async def survivor(battlefield):
    """A graph that goes on whatever happens to others; each server's history has shown it a booking."""
    async with serving(battlefield.settings_path) as server:
        database = await asyncpg.connect(battlefield.database_url)
        try:
            for name in SERVERS:
                [(login, currency)] = await accounts(database, name, 1)
                told = await server.send(Order(name, login, currency, "0.01"))
                assert told["__typename"] == "DepositConfirmed", told
        finally:
            await database.close()
        yield server
