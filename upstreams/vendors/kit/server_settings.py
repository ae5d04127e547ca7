from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import ConfigError
from upstreams.vendors.kit.server_config import ServerConfig


def timezone(name: str, config: ServerConfig) -> ZoneInfo:
    try:
        return ZoneInfo(config.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(f"servers.{name}.timezone", f"there is no time zone {config.timezone!r}") from None
