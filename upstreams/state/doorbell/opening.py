"""Opens the doorbell that the settings name."""

from importlib import import_module
from typing import Literal

import msgspec

from core.errors import ConfigError
from core.secret import Secret
from upstreams.postgres.database import Database
from upstreams.state.doorbell.doorbell import BellWire, Doorbell, NoWire
from upstreams.state.doorbell.postgresql import PostgresWire


class DoorbellConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How a process tells the others that there is something to read."""

    by: Literal["database", "redis", "off"]
    listen_url: Secret
    redis_url: Secret | None


def open_doorbell(config: DoorbellConfig, state: Database) -> Doorbell:
    """Connects to nothing. Raises ConfigError."""
    if config.by == "off":
        return Doorbell(NoWire())
    if config.by == "database" or config.redis_url is None:
        return Doorbell(PostgresWire(state, config.listen_url))
    return Doorbell(_redis(config.redis_url))


def _redis(url: Secret) -> BellWire:
    try:
        # The library is an extra that most installations do not have.
        module = import_module("upstreams.state.doorbell.redis")
    except ModuleNotFoundError:
        raise ConfigError("streams.doorbell", "needs the package redis: install brokergraph[redis]") from None
    try:
        wire: BellWire = module.RedisWire(url)
    except ValueError:
        raise ConfigError("streams.redis_url", "is not a redis://, rediss:// or unix:// address") from None
    return wire
