"""CPlugin's WebAPI: the documented v1, and the v2 calls that we use, at one address [D, seed 003, C-spec]."""

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from sandbox.vendors.cplugin import accounts, mt4_reads, mt5, trade_lists, trades, v1
from sandbox.vendors.cplugin.desk import Prepare, Read, handle_change, handle_read, route
from sandbox.vendors.state import VendorState

__all__ = ["build"]

_MT4_READS: dict[str, tuple[str, Read]] = {
    "UserRecordsRequest": ("read", mt4_reads.user_records),
    "UserRecordGet/{login}": ("read", mt4_reads.user_record),
    "UserRecordRequest/{login}": ("read", mt4_reads.user_record),
    "UsersRequest": ("read", mt4_reads.users_request),
    "MarginsGet": ("read", mt4_reads.margins),
    "MarginLevelGet/{login}": ("read", mt4_reads.margin_of_one),
    "MarginLevelRequest/{login}": ("read", mt4_reads.margin_of_one),
    "GroupRecordGet/{group:path}": ("read", mt4_reads.group_record),
    "TradesUserHistory/{login}": ("history", mt4_reads.history),
    "TradesGet": ("read", trade_lists.open_trades),
    "TradesGetByLogin/{login}/{group:path}": ("read", trade_lists.open_trades_of_one),
    "ReportsRequest": ("history", trade_lists.reports),
    "DailyReportsRequest": ("history", trade_lists.daily_reports),
    "AdmBalanceCheck": ("read", trade_lists.balance_check),
}
_MT4_CHANGES: dict[str, tuple[str, Prepare]] = {
    "TradeTransaction": ("trade", trades.prepare_trade),
    "UserRecordNew": ("change", accounts.prepare_new),
    "UserPasswordSet/{login}": ("change", accounts.prepare_password),
}
_MT5_READS: dict[str, Read] = {
    "UserGet/{login}": mt5.user_get,
    "GroupGet/{group:path}": mt5.group_get,
    "TimeGet": mt5.time_get,
}


def build(state: VendorState) -> Starlette:
    return Starlette(routes=[*_v2(state), *_v1(state)])


def _v2(state: VendorState) -> list[BaseRoute]:
    mt4, mt5_path = "/api/v2/MT4/{tp}/", "/api/v2/MT5/{tp}/"
    return [
        *(route(mt4 + path, handle_read(state, "MT4", kind, read)) for path, (kind, read) in _MT4_READS.items()),
        *(
            route(mt4 + path, handle_change(state, "MT4", kind, prepare), "POST")
            for path, (kind, prepare) in _MT4_CHANGES.items()
        ),
        *(route(mt5_path + path, handle_read(state, "MT5", "read", read)) for path, read in _MT5_READS.items()),
    ]


def _v1(state: VendorState) -> list[BaseRoute]:
    mt4 = "/api/MT4/{tp}/"
    return [
        route("/api/TradePlatforms", v1.trade_platforms(state)),
        route("/api/TradePlatforms/{tp}/Ping", v1.handle_v1(state, v1.ping)),
        route(mt4 + "UserRecordGet/{login}", v1.handle_v1(state, mt4_reads.user_record)),
        route(mt4 + "UsersGet", v1.handle_v1(state, mt4_reads.users)),
        route(mt4 + "TradeTransaction", v1.handle_v1(state, v1.trade_transaction), "POST"),
        route(mt4 + "UserRecordNew", v1.handle_v1(state, v1.user_record_new), "POST"),
    ]
