"""MT4Trade and MT4DailyReport [D, C-spec]: doubles become exact decimals, times of the server become UTC."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

import msgspec

from core.trades import DailyReportRecord, PositionRecord, Side, TradeRecord
from upstreams.http.decoding import lenient_json as wire
from upstreams.vendors.kit.trade_values import read_price, read_price_if_set, read_symbol, read_ticket

# The names of the trade commands [D, C-spec], or their numbers [C, public headers].
_SIDES: Final = {"buy": Side.BUY, "0": Side.BUY, "sell": Side.SELL, "1": Side.SELL}
# Pending orders, and operations of balance and credit. They are no trades.
_NO_TRADES: Final = frozenset({"buylimit", "selllimit", "buystop", "sellstop", "balance", "credit", *"234567"})


class Mt4OpenTrade(msgspec.Struct, kw_only=True):
    """The fields of an open MT4Trade that we read. Profit, swap and commission are money."""

    MONEY: ClassVar = frozenset({"profit", "storage", "commission"})

    order: int
    login: int
    symbol: str | None
    command: int | str = msgspec.field(name="tradeCommand")
    volume: int
    open_price: Decimal = msgspec.field(name="openPrice")
    opened: str = msgspec.field(name="openTime")
    digits: int | None = None
    close_price: Decimal | None = msgspec.field(name="closePrice", default=None)
    sl: Decimal | None = None
    tp: Decimal | None = None
    storage: Decimal | None = None
    commission: Decimal | None = None
    profit: Decimal | None = None
    comment: str | None = None


class Mt4ClosedTrade(msgspec.Struct, kw_only=True):
    """The fields of a closed MT4Trade that we read."""

    MONEY: ClassVar = Mt4OpenTrade.MONEY

    order: int
    login: int
    symbol: str | None
    command: int | str = msgspec.field(name="tradeCommand")
    volume: int
    profit: Decimal
    open_price: Decimal = msgspec.field(name="openPrice")
    close_price: Decimal = msgspec.field(name="closePrice")
    opened: str = msgspec.field(name="openTime")
    closed: str = msgspec.field(name="closeTime")
    digits: int | None = None
    storage: Decimal | None = None
    commission: Decimal | None = None
    comment: str | None = None


class Mt4DailyReport(msgspec.Struct, kw_only=True):
    """The fields of MT4DailyReport that we read. All amounts are money."""

    MONEY: ClassVar = frozenset({"equity", "credit", "deposit", "profit_closed", "margin"})

    login: int
    ctm: str
    balance: Decimal
    equity: Decimal | None = None
    credit: Decimal | None = None
    deposit: Decimal | None = None
    profit_closed: Decimal | None = msgspec.field(name="profitClosed", default=None)
    margin: Decimal | None = None


def read_position(trade: Mt4OpenTrade, zone: ZoneInfo) -> PositionRecord | None:
    """The position; None for a pending order. MT4 keeps the current price of an open trade as its close price [I]."""
    side = _side(trade.command)
    if side is None:
        return None
    return PositionRecord(
        ticket=read_ticket(trade.order),
        symbol=read_symbol(trade.symbol),
        side=side,
        volume=_lots(trade.volume),
        open_price=read_price(trade.open_price, trade.digits),
        opened_at=_moment(trade.opened, zone),
        current_price=read_price_if_set(trade.close_price, trade.digits),
        stop_loss=read_price_if_set(trade.sl, trade.digits),
        take_profit=read_price_if_set(trade.tp, trade.digits),
        swap=wire.read_double(trade.storage),
        commission=wire.read_double(trade.commission),
        profit=wire.read_double(trade.profit),
        comment=wire.read_text(trade.comment),
    )


def read_trade(trade: Mt4ClosedTrade, zone: ZoneInfo) -> TradeRecord | None:
    """The closed trade; None for a balance operation and for a pending order that was deleted."""
    side = _side(trade.command)
    if side is None:
        return None
    return TradeRecord(
        ticket=read_ticket(trade.order),
        symbol=read_symbol(trade.symbol),
        side=side,
        volume=_lots(trade.volume),
        open_price=read_price(trade.open_price, trade.digits),
        close_price=read_price(trade.close_price, trade.digits),
        profit=wire.read_required_double(trade.profit),
        opened_at=_moment(trade.opened, zone),
        closed_at=_moment(trade.closed, zone),
        swap=wire.read_double(trade.storage),
        commission=wire.read_double(trade.commission),
        comment=wire.read_text(trade.comment),
    )


def read_report(report: Mt4DailyReport) -> DailyReportRecord:
    return DailyReportRecord(
        day=_day(report.ctm),
        balance=wire.read_required_double(report.balance),
        equity=wire.read_double(report.equity),
        credit=wire.read_double(report.credit),
        deposits=wire.read_double(report.deposit),
        profit_closed=wire.read_double(report.profit_closed),
        margin=wire.read_double(report.margin),
    )


def _day(written: str) -> date:
    """The day of the server. `ctm` is in the server's local time, whatever offset it is written with [D, C-spec]."""
    return datetime.fromisoformat(written).date()


def _side(command: int | str) -> Side | None:
    name = str(command).lower()
    if name in _NO_TRADES:
        return None
    if name not in _SIDES:
        raise wire.Nonsense("an unknown trade command")
    return _SIDES[name]


def _lots(volume: int) -> Decimal:
    """MT4 keeps hundredths of a lot. `volumeLots` is the same as a double."""
    if volume <= 0:
        raise wire.Nonsense("no volume")
    return Decimal(volume).scaleb(-2)


def _moment(written: str, zone: ZoneInfo) -> datetime:
    moment = wire.read_local_stamp(written, zone, strict=True)
    if moment is None:
        raise wire.Nonsense("no time")
    return moment
