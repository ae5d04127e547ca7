"""Opens the store that the settings name."""

from importlib import import_module

from core.clock import Clock
from core.errors import ConfigError
from upstreams.postgres.database import Database
from upstreams.state.budgets.budgets import BudgetConfig, Budgets
from upstreams.state.budgets.memory import MemoryStore
from upstreams.state.budgets.postgresql import PostgresStore
from upstreams.state.budgets.token_bucket import BudgetStore


def open_budgets(config: BudgetConfig, state: Database, clock: Clock) -> Budgets | None:
    """The callers' budgets; None if budgets are off. No connection is opened. Raises ConfigError for a missing
    library.
    """
    return None if config.store == "off" else Budgets(open_store(config, state, clock), config, clock)


def open_store(config: BudgetConfig, state: Database, clock: Clock) -> BudgetStore:
    """The store that the settings name. Connects to nothing. Raises ConfigError."""
    if config.store == "postgresql":
        return PostgresStore(state, clock, config.store_timeout_seconds)
    if config.store == "redis":
        return _redis(config)
    return MemoryStore(clock)


def _redis(config: BudgetConfig) -> BudgetStore:
    try:
        # The library is an extra that most installations do not have.
        module = import_module("upstreams.state.budgets.redis")
    except ModuleNotFoundError:
        raise ConfigError("budget.store", "needs the package redis: install brokergraph[redis]") from None
    try:
        store: BudgetStore = module.RedisStore(config.redis_url, config.store_timeout_seconds)
    except ValueError:
        raise ConfigError("budget.redis_url", "is not a redis://, rediss:// or unix:// address") from None
    return store
