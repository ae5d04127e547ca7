"""How each store of budgets is opened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.clock import Clock
from core.secret import Secret
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.state.budgets.memory import MemoryStore
from upstreams.state.budgets.postgresql import PostgresStore
from upstreams.state.budgets.redis import RedisStore

PATIENCE_SECONDS = 5.0


@asynccontextmanager
async def postgres_store(url: str) -> AsyncIterator[PostgresStore]:
    database = Database(DatabaseConfig(url=Secret(url), pool_size=4), label="test")
    yield PostgresStore(database, Clock(), PATIENCE_SECONDS)
    await database.close()


@asynccontextmanager
async def redis_store(url: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(Secret(url), PATIENCE_SECONDS)
    yield store
    await store.aclose()


@asynccontextmanager
async def memory_store(_url: str) -> AsyncIterator[MemoryStore]:
    yield MemoryStore(Clock())


OPENERS = {"memory": memory_store, "postgresql": postgres_store, "redis": redis_store}
