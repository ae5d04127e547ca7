"""Do the settings make sense by themselves? Each connection and each trading server is opened alone, so that every
wrong one is named and not just the first. Opening speaks to nobody.
"""

from collections.abc import AsyncIterator, Iterator

from core.clock import Clock
from core.config_error import ConfigError
from upstreams.check.findings import Finding, note, ok, wrong
from upstreams.open import open_upstreams
from upstreams.vendors.config import UpstreamsConfig
from upstreams.vendors.hyper.tokens import MemoryTokenStore
from upstreams.vendors.kit.server_settings import timezone

_EXPLAINED = "brokergraph.example.toml explains it."


async def check_settings(config: UpstreamsConfig, clock: Clock) -> AsyncIterator[Finding]:
    """A finding for each connection and each trading server."""
    for name, alone in _connections(config):
        yield await _opened(name, alone, clock)
    for name in config.servers:
        yield await _opened(f"servers.{name}", _only_server(config, name), clock)
    for finding in _notes(config):
        yield finding


async def sound(config: UpstreamsConfig, clock: Clock) -> UpstreamsConfig:
    """The same without what would keep everything from opening."""
    good = UpstreamsConfig()
    for _, alone in _connections(config):
        good = await _joined(good, alone, clock)
    for name in config.servers:
        good = await _joined(good, _only_server(config, name), clock)
    return good


async def _joined(good: UpstreamsConfig, more: UpstreamsConfig, clock: Clock) -> UpstreamsConfig:
    if (await _opened("", more, clock)).verdict != "ok":
        return good
    return UpstreamsConfig(
        hyper=more.hyper or good.hyper,
        broctagon=more.broctagon or good.broctagon,
        cplugin={**good.cplugin, **more.cplugin},
        broker_work={**good.broker_work, **more.broker_work},
        servers={**good.servers, **more.servers},
    )


async def _opened(subject: str, config: UpstreamsConfig, clock: Clock) -> Finding:
    try:
        for name, server in config.servers.items():
            # Not every adapter has a use for the zone, but a wrong one helps nobody.
            timezone(name, server)
        async with open_upstreams(config, clock, MemoryTokenStore()):
            return ok(subject, "the settings make sense")
    except ConfigError as error:
        return wrong(error.path, error.problem, _EXPLAINED)


def _connections(config: UpstreamsConfig) -> Iterator[tuple[str, UpstreamsConfig]]:
    if config.hyper is not None:
        yield "hyper", UpstreamsConfig(hyper=config.hyper)
    if config.broctagon is not None:
        yield "broctagon", UpstreamsConfig(broctagon=config.broctagon)
    for name, cplugin in config.cplugin.items():
        yield f"cplugin.{name}", UpstreamsConfig(cplugin={name: cplugin})
    for name, broker_work in config.broker_work.items():
        yield f"broker_work.{name}", UpstreamsConfig(broker_work={name: broker_work})


def _only_server(config: UpstreamsConfig, name: str) -> UpstreamsConfig:
    """One server, with the connection that it names and no other."""
    server = config.servers[name]
    own = server.connection
    return UpstreamsConfig(
        broctagon=config.broctagon if server.adapter == "broctagon" else None,
        cplugin={key: value for key, value in config.cplugin.items() if (server.adapter, own) == ("cplugin", key)},
        broker_work={
            key: value for key, value in config.broker_work.items() if (server.adapter, own) == ("broker_work", key)
        },
        servers={name: server},
    )


def _notes(config: UpstreamsConfig) -> Iterator[Finding]:
    used = {(server.adapter, server.connection) for server in config.servers.values()}
    named = [("cplugin", name) for name in config.cplugin] + [("broker_work", name) for name in config.broker_work]
    for adapter, name in named:
        if (adapter, name) not in used:
            yield note(f"{adapter}.{name}", "no server uses it", "Name it as the `connection` of one, or remove it.")
    for name, server in config.servers.items():
        if server.adapter == "cplugin" and server.platform == "MT4" and not server.groups:
            what = "is empty, so createTradingAccount makes no account here"
            yield note(f"servers.{name}.groups", what, "Name the groups that accounts may be made in.")
