"""The open vendor connections, from which each trading server takes the one that its settings name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from upstreams.broctagon import Broctagon
from upstreams.config import BrokerWorkConfig, ConfigError, CPluginConfig, ServerConfig
from upstreams.http import Link
from upstreams.tokens import AuthorisedLink

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CPluginConnection:
    config: CPluginConfig
    authorised: AuthorisedLink


@dataclass(frozen=True, slots=True)
class BrokerWorkConnection:
    config: BrokerWorkConfig
    link: Link


@dataclass(frozen=True, slots=True)
class Connections:
    broctagon: Broctagon | None = None
    cplugin: Mapping[str, CPluginConnection] = field(default_factory=dict)
    broker_work: Mapping[str, BrokerWorkConnection] = field(default_factory=dict)


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
