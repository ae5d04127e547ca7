"""Checks the settings without a call. Each connection and each trading server is opened separately, so that every
mistake is reported and not just the first.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

from core.clock import Clock
from core.errors import ConfigError
from core.secret import Secret
from upstreams.check.findings import Finding, note, ok, wrong
from upstreams.open import UpstreamsConfig, key_of, open_upstreams, path_of
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.server_settings import timezone
from upstreams.vendors.kit.token_store import memory_tokens
from upstreams.vendors.registry import VENDORS, vendor_of

_EXPLAINED = "brokergraph.example.toml explains it."


async def check_settings(config: UpstreamsConfig, clock: Clock) -> AsyncIterator[Finding]:
    """A finding for each connection and each trading server."""
    for name, alone in _connections(config):
        yield await _try_to_open(name, alone, clock)
    for name in config.servers:
        yield await _try_to_open(f"servers.{name}", _only_server(config, name), clock)
    for finding in _notes(config):
        yield finding


async def openable_part(config: UpstreamsConfig, clock: Clock) -> UpstreamsConfig:
    """The configuration without the connections and servers that cannot be opened."""
    good = UpstreamsConfig()
    for _, alone in _connections(config):
        good = await _add_if_openable(good, alone, clock)
    for name in config.servers:
        good = await _add_if_openable(good, _only_server(config, name), clock)
    return good


async def _add_if_openable(good: UpstreamsConfig, more: UpstreamsConfig, clock: Clock) -> UpstreamsConfig:
    if (await _try_to_open("", more, clock)).verdict != "ok":
        return good
    return UpstreamsConfig(
        connections={**good.connections, **more.connections}, servers={**good.servers, **more.servers}
    )


async def _try_to_open(subject: str, config: UpstreamsConfig, clock: Clock) -> Finding:
    try:
        for name, server in config.servers.items():
            # A wrong time zone is a mistake even if the adapter does not use it.
            timezone(name, server)
        async with open_upstreams(config, clock, memory_tokens):
            return ok(subject, "the settings make sense")
    except ConfigError as error:
        return wrong(error.path, error.problem, _EXPLAINED)


def _connections(config: UpstreamsConfig) -> Iterator[tuple[str, UpstreamsConfig]]:
    for section in VENDORS:
        for key, connection in config.connections.items():
            if key[0] == section:
                yield path_of(key), UpstreamsConfig(connections={key: connection})


def _only_server(config: UpstreamsConfig, name: str) -> UpstreamsConfig:
    """The configuration of one server with only its own connection."""
    server = config.servers[name]
    own = {key: one for key, one in config.connections.items() if key == key_of(server)}
    return UpstreamsConfig(connections=own, servers={name: server})


def _notes(config: UpstreamsConfig) -> Iterator[Finding]:
    used = {key_of(server) for server in config.servers.values()}
    for key, connection in config.connections.items():
        if key not in used and not vendor_of(key[0]).is_single:
            yield note(path_of(key), "no server uses it", "Name it as the `connection` of a server, or remove it.")
        yield from _credentials(path_of(key), connection)
    by_id: dict[tuple[str, str, str], str] = {}
    for name, server in config.servers.items():
        yield from _capabilities(f"servers.{name}", server)
        first = by_id.setdefault((server.adapter, server.connection, server.id), name)
        if first != name:
            yield wrong(f"servers.{name}.id", f"is the id of servers.{first} as well", "Write each server's own id.")


def _capabilities(path: str, server: ServerConfig) -> Iterator[Finding]:
    vendor = vendor_of(server.adapter)
    offered = vendor.servers.platforms.get(server.platform, frozenset()) if vendor.servers else frozenset()
    if "accounts" in offered and not server.groups:
        what = "is empty, so createTradingAccount makes no account here"
        yield note(f"{path}.groups", what, "Name the groups in which accounts may be made.")
    for name in ("deposits", "withdrawals"):
        if getattr(server, name) and name not in offered:
            what = f"has no effect: {vendor.label} documents no {name} on {server.platform}"
            yield wrong(f"{path}.{name}", what, "Remove the line.")


def _credentials(path: str, connection: Any) -> Iterator[Finding]:
    """Empty secrets, and addresses to which secrets would go without encryption."""
    for name in connection.__struct_fields__:
        value = getattr(connection, name)
        if isinstance(value, Secret) and not value.reveal():
            yield wrong(f"{path}.{name}", "is empty", "Is the file or the variable that it names filled in?")
        if name in {"url", "auth_url"} and _is_unencrypted(value):
            what = "begins with http://, so that credentials would cross the network unencrypted"
            yield wrong(f"{path}.{name}", what, "Write https://.")


def _is_unencrypted(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}
