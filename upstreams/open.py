"""Opens and closes all vendor connections."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from core.clock import Clock
from core.errors import ConfigError
from upstreams.http.health import LinkHealth
from upstreams.http.link import Link
from upstreams.vendors.kit.protocol import Crm, ErpApi, Platform
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.token_store import TokenStore
from upstreams.vendors.kit.vendor import Opening, Vendor
from upstreams.vendors.registry import VENDORS, adapters, vendor_of

T = TypeVar("T")
Key = tuple[str, str]
"""A vendor's section, and the name of a connection; "" for a vendor with one connection."""


class UpstreamsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `open_upstreams` opens. The values of `connections` are of the vendors' `Config`."""

    connections: Mapping[Key, Any] = {}
    servers: Mapping[str, ServerConfig] = {}


@dataclass(frozen=True, slots=True)
class Upstreams:
    """All open vendors of the settings. `servers` is by the ERP's name of the trading server."""

    erp_api: ErpApi | None
    crm: Crm | None
    servers: Mapping[str, Platform]
    connections: Mapping[Key, Any] = field(repr=False)
    links: tuple[Link, ...] = field(repr=False)

    def health(self) -> list[LinkHealth]:
        return [link.health() for link in self.links]


@asynccontextmanager
async def open_upstreams(
    config: UpstreamsConfig, clock: Clock, token_stores: Callable[[str], TokenStore]
) -> AsyncIterator[Upstreams]:
    """Open all vendors without a call: a vendor is called at its first use. Raises ConfigError for a wrong setting."""
    async with AsyncExitStack() as stack:
        links: list[Link] = []
        connections = {}
        for key, vendor, section in _ordered(config):
            opening = Opening(
                system=vendor.system,
                label=vendor.label,
                path=path_of(key),
                name=key[1] or key[0],
                clock=clock,
                stack=stack,
                token_stores=token_stores,
                links=links,
            )
            connections[key] = vendor.connect(opening, section)
        servers = {}
        for name, server in config.servers.items():
            servers[name] = _server(name, server, connections, clock)
            stack.push_async_callback(servers[name].aclose)
        yield Upstreams(
            erp_api=_only("erp", connections, lambda vendor: vendor.erp),
            crm=_only("crm", connections, lambda vendor: vendor.crm),
            servers=servers,
            connections=connections,
            links=tuple(links),
        )


def path_of(key: Key) -> str:
    """The settings section of a connection: the section of its vendor, or a section below it."""
    section, name = key
    return f"{section}.{name}" if name else section


def key_of(server: ServerConfig) -> Key:
    """The connection that [servers.NAME] names."""
    return server.adapter, "" if vendor_of(server.adapter).is_single else server.connection


def _ordered(config: UpstreamsConfig) -> Iterator[tuple[Key, Vendor[Any, Any], Any]]:
    """The connections in the order of the registry."""
    for section in VENDORS:
        for key, connection in config.connections.items():
            if key[0] == section:
                yield key, vendor_of(section), connection


def _only(
    what: str, connections: Mapping[Key, Any], role: Callable[[Vendor[Any, Any]], Callable[[Any], T] | None]
) -> T | None:
    found: T | None = None
    for key, connection in connections.items():
        make = role(vendor_of(key[0]))
        if make is not None and found is not None:
            raise ConfigError(path_of(key), f"is a second {what}; leave one of them")
        found = found if make is None else make(connection)
    return found


def _server(name: str, config: ServerConfig, connections: Mapping[Key, Any], clock: Clock) -> Platform:
    _check_adapter(name, config)
    made = vendor_of(config.adapter).servers
    assert made is not None
    if config.platform not in made.platforms:
        choice = ", ".join(sorted(made.platforms))
        raise ConfigError(f"servers.{name}.platform", f"{config.adapter} speaks to {choice}, not to {config.platform}")
    key = key_of(config)
    if key not in connections:
        raise _no_connection(name, config, key)
    return made.build(name, config, connections[key], clock)


def _check_adapter(name: str, config: ServerConfig) -> None:
    """Raise ConfigError if no vendor of this name has trading servers."""
    choice = adapters()
    if config.adapter not in choice:
        problem = f"Invalid enum value {config.adapter!r}; choose from {', '.join(sorted(choice))}"
        raise ConfigError(f"servers.{name}.adapter", problem)


def _no_connection(name: str, config: ServerConfig, key: Key) -> ConfigError:
    if vendor_of(config.adapter).is_single:
        return ConfigError(f"servers.{name}.adapter", f"there is no [{path_of(key)}]")
    if not config.connection:
        return ConfigError(f"servers.{name}.connection", f"is missing: name one of [{config.adapter}.*]")
    return ConfigError(f"servers.{name}.connection", f"there is no [{path_of(key)}]")
