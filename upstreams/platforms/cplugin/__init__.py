"""MT4 and MT5 behind CPlugin WebAPI (cloud.mywebapi.com) [D, C-py, C-spec, C-rest]."""

from uuid import UUID

from upstreams.clock import Clock
from upstreams.config import ConfigError, ServerConfig
from upstreams.platforms.connections import Connections, allowed_platform, named, timezone
from upstreams.platforms.cplugin.mt4 import Mt4Server
from upstreams.platforms.cplugin.mt5 import Mt5Server

__all__ = ["build"]


def build(name: str, config: ServerConfig, connections: Connections, clock: Clock) -> Mt4Server | Mt5Server:
    """`id` is the GUID of the trade platform, from GET /api/TradePlatforms."""
    allowed_platform(name, config, frozenset({"MT4", "MT5"}))
    connection = named(connections.cplugin, name, config)
    zone = timezone(name, config)
    try:
        UUID(config.id)
    except ValueError:
        raise ConfigError(f"servers.{name}.id", "CPlugin's trade platform ids are GUIDs") from None
    if config.platform == "MT5":
        return Mt5Server(name, config, connection, zone)
    return Mt4Server(name, config, connection, zone, clock)
