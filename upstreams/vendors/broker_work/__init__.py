"""MT4, MT5 and cTrader behind Leanwork's Broker Work: properties of accounts, no balances [D, seed 004]."""

from typing import Final

from upstreams.vendors.broker_work.config import BrokerWorkConfig
from upstreams.vendors.broker_work.connection import SYSTEM, connect
from upstreams.vendors.broker_work.trading_server import build
from upstreams.vendors.kit.vendor import Capability, Servers, Vendor

_LIVE: Final[frozenset[Capability]] = frozenset({"live"})

VENDOR: Final = Vendor(
    system=SYSTEM,
    label="Broker Work",
    description="Leanwork's Broker Work, in front of MT4, MT5 and cTrader servers.",
    Config=BrokerWorkConfig,
    connect=connect,
    servers=Servers(build, {"MT4": _LIVE, "MT5": _LIVE, "CTRADER": _LIVE}),
)
