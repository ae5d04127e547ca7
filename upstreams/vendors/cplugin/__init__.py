"""MT4 and MT5 behind CPlugin WebAPI (cloud.mywebapi.com) [D, C-py, C-spec, C-rest]."""

from typing import Final
from uuid import UUID

from core.clock import Clock
from core.errors import ConfigError
from upstreams.vendors.cplugin.config import CPluginConfig
from upstreams.vendors.cplugin.connection import SYSTEM, CPluginConnection, connect
from upstreams.vendors.cplugin.mt4 import mt4_server
from upstreams.vendors.cplugin.mt5 import mt5_server
from upstreams.vendors.kit.protocol import Platform
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.server_settings import timezone
from upstreams.vendors.kit.vendor import LISTINGS, Servers, Vendor


def build(name: str, config: ServerConfig, connection: CPluginConnection, clock: Clock) -> Platform:
    """Build a server. Its `id` is the GUID of the trade platform, from GET /api/TradePlatforms."""
    zone = timezone(name, config)
    try:
        UUID(config.id)
    except ValueError:
        raise ConfigError(f"servers.{name}.id", "CPlugin's trade platform ids are GUIDs") from None
    if config.platform == "MT5":
        return mt5_server(name, config, connection, zone)
    return mt4_server(name, config, connection, zone, clock)


VENDOR: Final = Vendor(
    system=SYSTEM,
    label="CPlugin",
    description="CPlugin WebAPI, in front of MT4 and MT5 servers.",
    Config=CPluginConfig,
    connect=connect,
    servers=Servers(
        build,
        {
            "MT4": frozenset({"live", "deposits", "withdrawals", "accounts", "books_check", *LISTINGS}),
            "MT5": frozenset({"live"}),
        },
    ),
    # The answer for a trade platform that is not ours is 403 [D, C-spec].
    unknown_server_codes=frozenset({"403"}),
)
