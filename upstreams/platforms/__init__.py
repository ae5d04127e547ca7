"""Trading servers behind whatever vendor: the protocol that every adapter keeps, and the table of adapters.

A new vendor is one module here and one line in ADAPTERS.
"""

from collections.abc import Callable, Mapping

from upstreams.clock import Clock
from upstreams.config import ServerConfig
from upstreams.platforms import broctagon, broker_work, cplugin
from upstreams.platforms.connections import Connections
from upstreams.platforms.protocol import (
    AccountPolicy,
    DepositPolicy,
    LiveAnswer,
    Platform,
    PreparedAccount,
    PreparedDeposit,
)

__all__ = [
    "ADAPTERS",
    "AccountPolicy",
    "Builder",
    "Connections",
    "DepositPolicy",
    "LiveAnswer",
    "Platform",
    "PreparedAccount",
    "PreparedDeposit",
]

Builder = Callable[[str, ServerConfig, Connections, Clock], Platform]
"""Makes the trading server `name`, or raises ConfigError with the path of the setting that is wrong."""

ADAPTERS: Mapping[str, Builder] = {
    "cplugin": cplugin.build,
    "broker_work": broker_work.build,
    "broctagon": broctagon.build,
}
