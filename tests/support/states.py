"""Databases for our own schema, beside the sandbox's own."""

from urllib.parse import urlsplit, urlunsplit

import asyncpg

from api.cli.demo_keys import add_demo_keys
from api.settings.settings import load_settings
from upstreams.postgres.migrate import migrate


async def create_state(box, name: str) -> str:
    """The address of a migrated state database with the demo's keys."""
    owner = await asyncpg.connect(box.database_url)
    await owner.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await owner.execute(f"CREATE DATABASE {name}")
    await owner.close()
    url = urlunsplit(urlsplit(box.database_url)._replace(path=f"/{name}"))
    settings = load_settings(box.settings_path, {"BROKERGRAPH_STATE__DATABASE_URL": url})
    assert settings.state.database_url is not None
    await migrate(settings.state.database_url)
    await add_demo_keys(settings)
    return url
