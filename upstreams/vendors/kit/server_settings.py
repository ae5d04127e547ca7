from collections.abc import Mapping
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.config_error import ConfigError
from upstreams.vendors.kit.server_config import ServerConfig

T = TypeVar("T")


def named(connections: Mapping[str, T], name: str, config: ServerConfig) -> T:
    """The connection that [servers.NAME] asks for."""
    path = f"servers.{name}.connection"
    if not config.connection:
        raise ConfigError(path, f"is missing: name one of [{config.adapter}.*]")
    if config.connection not in connections:
        raise ConfigError(path, f"there is no [{config.adapter}.{config.connection}]")
    return connections[config.connection]


def allowed_platform(name: str, config: ServerConfig, platforms: frozenset[str]) -> None:
    if config.platform not in platforms:
        choice = ", ".join(sorted(platforms))
        raise ConfigError(f"servers.{name}.platform", f"{config.adapter} speaks to {choice}, not to {config.platform}")


def timezone(name: str, config: ServerConfig) -> ZoneInfo:
    try:
        return ZoneInfo(config.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(f"servers.{name}.timezone", f"there is no time zone {config.timezone!r}") from None
