"""MT4 and MT5 behind CPlugin WebAPI (cloud.mywebapi.com) [D, C-py, C-spec, C-rest]."""

from uuid import UUID

from core.clock import Clock
from core.config_error import ConfigError
from upstreams.vendors.cplugin.connection import CPluginConnection
from upstreams.vendors.cplugin.mt4 import Mt4Server
from upstreams.vendors.cplugin.mt5 import Mt5Server
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.server_settings import allowed_platform, timezone

__all__ = ["build"]


def build(name: str, config: ServerConfig, connection: CPluginConnection, clock: Clock) -> Mt4Server | Mt5Server:
    """`id` is the GUID of the trade platform, from GET /api/TradePlatforms."""
    allowed_platform(name, config, frozenset({"MT4", "MT5"}))
    zone = timezone(name, config)
    try:
        UUID(config.id)
    except ValueError:
        raise ConfigError(f"servers.{name}.id", "CPlugin's trade platform ids are GUIDs") from None
    if config.platform == "MT5":
        return Mt5Server(name, config, connection, zone)
    return Mt4Server(name, config, connection, zone, clock)
