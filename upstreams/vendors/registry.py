"""Trading servers behind whatever vendor: the table of adapters, each of which takes its own open connection.

A new vendor is one folder here and one line in ADAPTERS.
"""

from collections.abc import Callable, Mapping

from core.clock import Clock
from upstreams.vendors import cplugin
from upstreams.vendors.broctagon import trading_server as broctagon
from upstreams.vendors.broker_work import trading_server as broker_work
from upstreams.vendors.connections import Connections
from upstreams.vendors.kit.protocol import Platform
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.server_settings import named

Builder = Callable[[str, ServerConfig, Connections, Clock], Platform]
"""Makes the trading server `name`, or raises ConfigError with the path of the setting that is wrong."""

ADAPTERS: Mapping[str, Builder] = {
    "cplugin": lambda name, config, all_, clock: cplugin.build(name, config, named(all_.cplugin, name, config), clock),
    "broker_work": lambda name, config, all_, _: broker_work.build(name, config, named(all_.broker_work, name, config)),
    "broctagon": lambda name, config, all_, _: broctagon.build(name, config, all_.broctagon),
}
