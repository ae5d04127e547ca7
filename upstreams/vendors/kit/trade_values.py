"""Values of trades that all platforms write alike."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from core.errors import UpstreamError
from core.money import EXACT, MAX_FRACTION_DIGITS
from core.trades import PositionRecord, TradeRecord
from upstreams.http.decoding import lenient_json as wire

R = TypeVar("R")


def number_of(trade: PositionRecord | TradeRecord) -> int:
    """The ticket as a number, which the server counts up."""
    return int(trade.ticket)


def read_ticket(number: int | None) -> str:
    if number is None or number <= 0:
        raise wire.Nonsense("no ticket")
    return str(number)


def read_symbol(written: str | None) -> str:
    """The symbol, which only operations without a trade may lack."""
    if not written:
        raise wire.Nonsense("no symbol")
    return written


def read_price(price: Decimal, digits: int | None) -> Decimal:
    """The price with the digits of its symbol: 1.1 is 1.10000. Further digits are not rounded."""
    exact = wire.read_required_double(price)
    if digits is None:
        return exact
    if not 0 <= digits <= MAX_FRACTION_DIGITS:
        raise wire.Nonsense("not a number of digits")
    rounded = exact.quantize(Decimal(1).scaleb(-digits), context=EXACT)
    return rounded if rounded == exact else exact


def read_price_if_set(price: Decimal | None, digits: int | None) -> Decimal | None:
    """The price; None for 0, which MetaTrader has for a price that is not set [D, C-spec]."""
    return read_price(price, digits) if price else None


def select_rows(
    found: Mapping[str, list[R] | UpstreamError], keep: Callable[[R], bool], order: Callable[[R], date | datetime]
) -> dict[str, list[R] | UpstreamError]:
    """Each list with the rows to keep, in order. Errors stay."""
    return {
        login: sorted(filter(keep, rows), key=order) if isinstance(rows, list) else rows
        for login, rows in found.items()
    }
