"""Positions, deals and daily reports [D, MQ-pos, MQ-deal, MQ-daily]: exact decimals, and UTC times."""

from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import IntEnum
from typing import ClassVar, Final

import msgspec

from core.money import EXACT, MAX_FRACTION_DIGITS
from core.trades import DailyReportRecord, PositionRecord, Side
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.decoding.lenient_json import Whole
from upstreams.vendors.kit.trade_values import read_price, read_price_if_set, read_symbol, read_ticket
from upstreams.vendors.mt5_web.server_time import moment_of

_SIDES: Final = {0: Side.BUY, 1: Side.SELL}
# Operations on balance and credit, commissions, interest, dividends and taxes, and cancelled deals [D, MQ-sdk].
_NO_TRADES: Final = range(2, 21)
_CENTS: Final = Decimal("0.01")


class Entry(IntEnum):
    """What a deal does to its position [D, MQ-sdk]."""

    IN = 0
    OUT = 1
    IN_OUT = 2
    OUT_BY = 3


class Mt5Position(msgspec.Struct, rename="pascal", kw_only=True):
    """The fields of an open position that we read. It has no commission."""

    MONEY: ClassVar = frozenset({"profit", "storage"})

    position: Whole
    login: Whole
    symbol: str | None
    action: Whole
    volume: Whole
    price_open: Decimal
    time_create: Whole
    digits: Whole = None
    volume_ext: Whole = None
    price_current: Decimal | None = None
    price_sl: Decimal | None = msgspec.field(name="PriceSL", default=None)
    price_tp: Decimal | None = msgspec.field(name="PriceTP", default=None)
    storage: Decimal | None = None
    profit: Decimal | None = None
    comment: str | None = None


class Mt5Deal(msgspec.Struct, rename="pascal", kw_only=True):
    """The fields of a deal that we read. Only newer builds have a fee."""

    MONEY: ClassVar = frozenset({"fee"})

    deal: Whole
    login: Whole
    order: Whole
    position: Whole = msgspec.field(name="PositionID")
    action: Whole
    entry: Whole
    symbol: str | None
    time: Whole
    volume: Whole
    price: Decimal
    profit: Decimal
    storage: Decimal
    commission: Decimal
    fee: Decimal | None = None
    digits: Whole = None
    digits_currency: Whole = None
    volume_ext: Whole = None
    comment: str | None = None


class Mt5DailyReport(msgspec.Struct, rename="pascal", kw_only=True):
    """The fields of a daily report that we read."""

    MONEY: ClassVar = frozenset({"credit", "margin", "profit_equity", "daily_balance", "daily_profit"})

    login: Whole
    datetime_prev: Whole
    balance: Decimal
    credit: Decimal | None = None
    margin: Decimal | None = None
    profit_equity: Decimal | None = None
    daily_balance: Decimal | None = None
    daily_profit: Decimal | None = None


class Deal(msgspec.Struct, frozen=True, kw_only=True):
    """A deal that opens or closes a position, or a part of one. The fee is a part of the commission."""

    number: int
    order: int
    position: int
    entry: Entry
    side: Side
    symbol: str
    at: datetime
    volume: Decimal
    price: Decimal
    profit: Decimal
    swap: Decimal
    commission: Decimal
    places: int
    comment: str | None


def read_position(row: Mt5Position, zone: tzinfo) -> PositionRecord:
    digits = wire.read_whole(row.digits)
    return PositionRecord(
        ticket=read_ticket(wire.read_whole(row.position)),
        symbol=read_symbol(row.symbol),
        side=_side(row.action),
        volume=_lots(row.volume, row.volume_ext),
        open_price=read_price(row.price_open, digits),
        opened_at=_moment(row.time_create, zone),
        current_price=read_price_if_set(row.price_current, digits),
        stop_loss=read_price_if_set(row.price_sl, digits),
        take_profit=read_price_if_set(row.price_tp, digits),
        swap=wire.read_double(row.storage),
        profit=wire.read_double(row.profit),
        comment=wire.read_text(row.comment),
    )


def read_deal(row: Mt5Deal, zone: tzinfo) -> Deal | None:
    """The deal; None for an operation that is no trade."""
    if wire.read_whole(row.action) in _NO_TRADES:
        return None
    commission, fee = wire.read_required_double(row.commission), wire.read_double(row.fee)
    return Deal(
        number=int(read_ticket(wire.read_whole(row.deal))),
        order=wire.read_whole(row.order) or 0,
        position=int(read_ticket(wire.read_whole(row.position))),
        entry=Entry(_required(row.entry)),
        side=_side(row.action),
        symbol=read_symbol(row.symbol),
        at=_moment(row.time, zone),
        volume=_lots(row.volume, row.volume_ext),
        price=read_price(row.price, wire.read_whole(row.digits)),
        profit=wire.read_required_double(row.profit),
        swap=wire.read_required_double(row.storage),
        commission=commission if fee is None else commission + fee,
        places=_places(row.digits_currency),
        comment=wire.read_text(row.comment),
    )


def read_report(row: Mt5DailyReport) -> DailyReportRecord:
    """The report. Its time is the last second of the day by the server's clock [I]."""
    return DailyReportRecord(
        day=_moment(row.datetime_prev, UTC).date(),
        balance=wire.read_required_double(row.balance),
        equity=wire.read_double(row.profit_equity),
        credit=wire.read_double(row.credit),
        deposits=wire.read_double(row.daily_balance),
        profit_closed=wire.read_double(row.daily_profit),
        margin=wire.read_double(row.margin),
    )


def _required(written: Whole) -> int:
    number = wire.read_whole(written)
    if number is None:
        raise wire.Nonsense("a number is missing")
    return number


def _places(digits: Whole) -> int:
    """The places of the account's currency. Costs are shared with two places where the deal does not tell them."""
    places = wire.read_whole(digits)
    if places is not None and not 0 <= places <= MAX_FRACTION_DIGITS:
        raise wire.Nonsense("not a number of digits")
    return 2 if places is None else places


def _side(action: Whole) -> Side:
    number = _required(action)
    if number not in _SIDES:
        raise wire.Nonsense("an unknown action")
    return _SIDES[number]


def _lots(volume: Whole, extended: Whole) -> Decimal:
    """The volume, with two places at least. VolumeExt has eight places and Volume four; old builds have no VolumeExt
    [D, MQ-pos].
    """
    fine = wire.read_whole(extended)
    units, places = (fine, 8) if fine else (_required(volume), 4)
    if units <= 0:
        raise wire.Nonsense("no volume")
    exact = Decimal(units).scaleb(-places, EXACT)
    rounded = exact.quantize(_CENTS, context=EXACT)
    return rounded if rounded == exact else exact.normalize(EXACT)


def _moment(written: Whole, zone: tzinfo) -> datetime:
    moment = moment_of(wire.read_whole(written), zone)
    if moment is None:
        raise wire.Nonsense("no time")
    return moment
