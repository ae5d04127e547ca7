"""All vendor connections open and close here, in one visible place."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.clock import Clock
from core.config_error import ConfigError
from core.errors import System
from upstreams.http.access_tokens import AuthorisedLink
from upstreams.http.client_credentials import ClientCredentials
from upstreams.http.health import LinkHealth
from upstreams.http.limits import Limits
from upstreams.http.link import Link
from upstreams.vendors.broctagon.crm import Broctagon
from upstreams.vendors.broker_work.connection import BrokerWorkConnection
from upstreams.vendors.config import UpstreamsConfig
from upstreams.vendors.connections import Connections
from upstreams.vendors.cplugin.config import CPluginConfig
from upstreams.vendors.cplugin.connection import CPluginConnection
from upstreams.vendors.hyper.api import Hyper
from upstreams.vendors.hyper.tokens import TokenStore
from upstreams.vendors.kit.protocol import Platform
from upstreams.vendors.registry import ADAPTERS


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Every vendor that the settings name, open. `servers` is by the ERP's name of the trading server."""

    hyper: Hyper | None
    broctagon: Broctagon | None
    servers: Mapping[str, Platform]
    links: tuple[Link, ...] = field(repr=False)

    def health(self) -> list[LinkHealth]:
        return [link.health() for link in self.links]


@asynccontextmanager
async def open_upstreams(config: UpstreamsConfig, clock: Clock, token_store: TokenStore) -> AsyncIterator[Upstreams]:
    """Opens nothing on the network: a vendor is first spoken to when it is first asked. ConfigError names the setting
    that is wrong.
    """
    async with AsyncExitStack() as stack:
        opening = _Opening(config, clock, stack)
        hyper = opening.hyper(token_store)
        connections = Connections(
            broctagon=opening.broctagon(),
            cplugin={name: opening.cplugin(name, vendor) for name, vendor in config.cplugin.items()},
            broker_work={
                name: BrokerWorkConnection(
                    vendor, opening.link(System.BROKER_WORK, name, vendor.url, vendor.limits, f"broker_work.{name}.url")
                )
                for name, vendor in config.broker_work.items()
            },
        )
        servers = {name: opening.server(name, connections) for name in config.servers}
        yield Upstreams(hyper, connections.broctagon, servers, tuple(opening.links))


class _Opening:
    """Opens one thing after the other, and sees to it that each will be closed."""

    def __init__(self, config: UpstreamsConfig, clock: Clock, stack: AsyncExitStack) -> None:
        self._config = config
        self._clock = clock
        self._stack = stack
        self.links: list[Link] = []

    def link(  # noqa: PLR0913, PLR0917 - what a link is made of.
        self, system: System, name: str, url: str, limits: Limits, path: str, per_minute: float | None = None
    ) -> Link:
        _check_url(path, url)
        link = Link(system, name, url, limits, self._clock, requests_per_minute=per_minute)
        self._stack.push_async_callback(link.aclose)
        self.links.append(link)
        return link

    def hyper(self, token_store: TokenStore) -> Hyper | None:
        config = self._config.hyper
        if config is None:
            return None
        if config.refresh != "none" and not config.refresh_token:
            raise ConfigError("hyper.refresh_token", f'is missing, and refresh = "{config.refresh}" needs it')
        link = self.link(System.HYPER, "hyper", config.url, config.limits, "hyper.url", config.requests_per_minute)
        hyper = Hyper(config, link, token_store)
        self._stack.push_async_callback(hyper.aclose)
        return hyper

    def broctagon(self) -> Broctagon | None:
        config = self._config.broctagon
        if config is None:
            return None
        link = self.link(System.BROCTAGON, "broctagon", config.url, config.limits, "broctagon.url")
        return Broctagon(config, link)

    def cplugin(self, name: str, config: CPluginConfig) -> CPluginConnection:
        link = self.link(System.CPLUGIN, name, config.url, config.limits, f"cplugin.{name}.url")
        authority = self.link(
            System.CPLUGIN, f"{name} (tokens)", config.auth_url, config.limits, f"cplugin.{name}.auth_url"
        )
        tokens = ClientCredentials(authority, config.auth_url, config.client_id, config.client_secret)
        self._stack.push_async_callback(tokens.aclose)
        return CPluginConnection(config, AuthorisedLink(link, tokens))

    def server(self, name: str, connections: Connections) -> Platform:
        config = self._config.servers[name]
        server = ADAPTERS[config.adapter](name, config, connections, self._clock)
        self._stack.push_async_callback(server.aclose)
        return server


def _check_url(path: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ConfigError(path, "is not an address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(path, "is not an http:// or https:// address")
    if "@" in url or parts.query or parts.fragment:
        raise ConfigError(path, "holds more than scheme, host, port and path")
