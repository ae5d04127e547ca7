"""The vendor: the object that a vendor's folder exports as `VENDOR`. The rest of the program uses nothing else of the
folder.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from core.call import Call
from core.clock import Clock
from core.errors import ConfigError, System
from upstreams.http.limits import Limits
from upstreams.http.link import Link
from upstreams.http.network import DIRECT, Network
from upstreams.http.sessions import SessionRules
from upstreams.vendors.kit.protocol import Crm, ErpApi, Platform
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.token_store import TokenStore

ConfigT = TypeVar("ConfigT")
ConnectionT = TypeVar("ConnectionT")
Listing = Literal["open_positions", "closed_trades", "daily_reports"]
"""The ports that read lists of many accounts."""
LISTINGS: Final[tuple[Listing, ...]] = get_args(Listing)
Capability = Literal["live", "deposits", "withdrawals", "accounts", "books_check", Listing]
Role = Literal[Capability, "erp", "crm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Opens one connection of a vendor, and closes it at the end. `path` is its section of the settings."""

    system: System
    label: str
    path: str
    name: str
    clock: Clock
    stack: AsyncExitStack
    token_stores: Callable[[str], TokenStore]
    links: list[Link]

    def link(  # noqa: PLR0913 - what a link is made of.
        self,
        url: str,
        limits: Limits,
        network: Network = DIRECT,
        *,
        setting: str = "url",
        suffix: str = "",
        per_minute: float | None = None,
        sessions: SessionRules | None = None,
    ) -> Link:
        """A link to `url`, which is the setting `setting`. Raises ConfigError for a setting that cannot be used."""
        _check_url(f"{self.path}.{setting}", url)
        if problem := network.problem():
            raise self.setting_error(f"network.{problem[0]}", problem[1])
        link = Link(
            self.system,
            self.name + suffix,
            url,
            limits,
            self.clock,
            label=self.label,
            requests_per_minute=per_minute,
            network=network,
            sessions=sessions,
        )
        self.close_with(link.aclose)
        self.links.append(link)
        return link

    def close_with(self, close: Callable[[], Awaitable[None]]) -> None:
        """Call `close` when the connection is closed. The last function that was added is called first."""
        self.stack.push_async_callback(close)

    def token_store(self) -> TokenStore:
        """The token store of this connection."""
        return self.token_stores(self.path)

    def setting_error(self, setting: str, problem: str) -> ConfigError:
        return ConfigError(f"{self.path}.{setting}", problem)


@dataclass(frozen=True, slots=True)
class Servers(Generic[ConnectionT]):
    """How to build a vendor's trading servers, and the ports that it documents for each platform."""

    build: Callable[[str, ServerConfig, ConnectionT, Clock], Platform]
    """Builds the trading server of [servers.NAME]. Raises ConfigError for a wrong setting."""
    platforms: Mapping[str, frozenset[Capability]]
    """The ports that a server may have, by platform, such as MT4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor(Generic[ConfigT, ConnectionT]):
    """One vendor. Its settings section is [NAME], or [NAME.CONNECTION] if it can have several connections."""

    system: System
    label: str
    """The name of the vendor in messages."""
    description: str
    """The description of the vendor in the graph's schema."""
    Config: type[ConfigT]
    """The settings of one connection: a frozen msgspec.Struct, with secrets as `Secret`."""
    connect: Callable[[Opening, ConfigT], ConnectionT]
    servers: Servers[ConnectionT] | None = None
    crm: Callable[[ConnectionT], Crm] | None = None
    erp: Callable[[ConnectionT], ErpApi] | None = None
    check: Callable[[ConnectionT, ServerConfig | None, Call], Coroutine[Any, Any, None]] | None = None
    """Sends a read that proves address and credentials; for a server, also that the vendor knows it. Raises
    UpstreamError. A server with live figures is checked by a read of live figures instead.
    """
    unknown_server_codes: frozenset[str] = field(default=frozenset())
    """Codes of a refusal which say that a server's `id` is not ours."""

    @property
    def is_single(self) -> bool:
        """Whether the vendor has only one connection, without a name, because there is one ERP and one CRM."""
        return self.offers("crm") or self.offers("erp")

    def offers(self, role: Role) -> bool:
        """Whether the vendor has this role: ERP or CRM, or a port of one of its trading servers."""
        if role in {"erp", "crm"}:
            return getattr(self, role) is not None
        return self.servers is not None and any(role in some for some in self.servers.platforms.values())


def _check_url(path: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ConfigError(path, "is not an address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(path, "is not an http:// or https:// address")
    if "@" in url or parts.query or parts.fragment:
        raise ConfigError(path, "has more than scheme, host, port and path")
