"""MT5 spoken directly: the Web API of MetaTrader 5's own access server [D, C; facts marked I are inferred]."""

from typing import Final

from core.clock import Clock
from upstreams.vendors.kit.protocol import Platform
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.server_settings import timezone
from upstreams.vendors.kit.vendor import LISTINGS, Servers, Vendor
from upstreams.vendors.mt5_web.balance_operations import Mt5WebBalanceOperations
from upstreams.vendors.mt5_web.config import Mt5WebConfig
from upstreams.vendors.mt5_web.connection import SYSTEM, Mt5WebConnection, connect
from upstreams.vendors.mt5_web.live import Mt5WebLive
from upstreams.vendors.mt5_web.money_history import Mt5WebHistory
from upstreams.vendors.mt5_web.new_accounts import Mt5WebAccountHistory, Mt5WebAccounts
from upstreams.vendors.mt5_web.server_time import ServerTime
from upstreams.vendors.mt5_web.trades.closed import Mt5WebClosedTrades
from upstreams.vendors.mt5_web.trades.positions import Mt5WebOpenPositions
from upstreams.vendors.mt5_web.trades.reports import Mt5WebDailyReports


def build(name: str, config: ServerConfig, connection: Mt5WebConnection, _clock: Clock) -> Platform:
    """Build a server. An access server belongs to one platform, so that its `id` is sent nowhere."""
    time = ServerTime(name, connection.reads, timezone(name, config))
    live = Mt5WebLive(name, connection, time)
    operations = Mt5WebBalanceOperations(name, connection, live)
    return Platform(
        name=name,
        system=SYSTEM,
        live=live,
        deposits=operations if config.deposits else None,
        withdrawals=operations if config.withdrawals else None,
        money_history=Mt5WebHistory(name, connection, time),
        # A new account needs an allowed group.
        accounts=Mt5WebAccounts(name, config.groups, connection) if config.groups else None,
        account_history=Mt5WebAccountHistory(name, config.groups, connection),
        open_positions=Mt5WebOpenPositions(name, connection, time),
        closed_trades=Mt5WebClosedTrades(name, connection, time),
        daily_reports=Mt5WebDailyReports(name, connection, time),
    )


VENDOR: Final = Vendor(
    system=SYSTEM,
    label="MT5 Web API",
    description="MetaTrader 5's own Web API, of one MT5 server.",
    Config=Mt5WebConfig,
    connect=connect,
    servers=Servers(build, {"MT5": frozenset({"live", "deposits", "withdrawals", "accounts", *LISTINGS})}),
)
