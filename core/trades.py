"""Records of trades: exact decimals, aware UTC times, tickets as text."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from core.records import Row


class Side(StrEnum):
    """The direction of a trade, as in the graph's TradeSide."""

    BUY = "BUY"
    SELL = "SELL"


class PositionRecord(Row, frozen=True):
    """An open trade. A value is None if the vendor does not have it."""

    ticket: str
    symbol: str
    side: Side
    volume: Decimal
    open_price: Decimal
    opened_at: datetime
    current_price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    swap: Decimal | None = None
    commission: Decimal | None = None
    profit: Decimal | None = None
    comment: str | None = None


class TradeRecord(Row, frozen=True):
    """A closed trade."""

    ticket: str
    symbol: str
    side: Side
    volume: Decimal
    open_price: Decimal
    close_price: Decimal
    profit: Decimal
    opened_at: datetime
    closed_at: datetime
    swap: Decimal | None = None
    commission: Decimal | None = None
    comment: str | None = None


class DailyReportRecord(Row, frozen=True):
    """The figures of an account at the end of one day of its server."""

    day: date
    balance: Decimal
    equity: Decimal | None = None
    credit: Decimal | None = None
    deposits: Decimal | None = None
    profit_closed: Decimal | None = None
    margin: Decimal | None = None
