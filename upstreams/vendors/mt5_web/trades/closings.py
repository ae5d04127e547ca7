"""Closed trades from the deals of a position.

- A closing deal is a trade, so that a position that is closed in parts has several. The ticket is the deal's number.
- A reversal on a netting account closes what is open and opens the rest of its volume.
- The costs of the opening are shared among its closings by volume. The last one gets the rest, so that the sum is
  exact.
- The opening price of a position with several openings is their average, as MT5 shows it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from core.money import EXACT, divide
from core.trades import Side, TradeRecord
from upstreams.http.decoding import lenient_json as wire
from upstreams.vendors.mt5_web.trades.rows import Deal, Entry

_NOTHING = Decimal(0)


@dataclass(slots=True)
class _Open:
    """The open part of a position, with the costs that no closing has taken yet."""

    side: Side
    opened_at: datetime
    volume: Decimal = _NOTHING
    price: Fraction = Fraction()
    places: int = 0
    swap: Decimal = _NOTHING
    commission: Decimal = _NOTHING

    def add(self, deal: Deal, volume: Decimal, commission: Decimal) -> None:
        total = self.volume + volume
        self.price = (self.price * Fraction(self.volume) + Fraction(deal.price) * Fraction(volume)) / Fraction(total)
        self.places = max(self.places, -int(deal.price.as_tuple().exponent))
        self.volume = total
        self.commission += commission
        if deal.entry is Entry.IN:
            self.swap += deal.swap

    def close(self, deal: Deal, volume: Decimal, commission: Decimal) -> TradeRecord:
        swap_before = _share(self.swap, volume, self.volume, deal.places)
        commission_before = _share(self.commission, volume, self.volume, deal.places)
        price = divide(Decimal(self.price.numerator), Decimal(self.price.denominator), self.places)
        assert price is not None
        self.volume -= volume
        self.swap -= swap_before
        self.commission -= commission_before
        return TradeRecord(
            ticket=str(deal.number),
            symbol=deal.symbol,
            side=self.side,
            volume=volume,
            open_price=price,
            close_price=deal.price,
            profit=deal.profit,
            opened_at=self.opened_at,
            closed_at=deal.at,
            swap=deal.swap + swap_before,
            commission=commission + commission_before,
            comment=deal.comment,
        )


def read_closings(deals: Iterable[Deal]) -> Iterator[TradeRecord]:
    """The closings of one position, from its deals in their order. Raises Nonsense if its opening is missing."""
    part: _Open | None = None
    for deal in deals:
        closed = _closed_by(deal, part)
        commission = _share(deal.commission, closed, deal.volume, deal.places)
        if part is not None and closed:
            yield part.close(deal, closed, commission)
            part = part if part.volume else None
        if closed < deal.volume:
            part = part or _Open(deal.side, deal.at)
            part.add(deal, deal.volume - closed, deal.commission - commission)


def _closed_by(deal: Deal, part: _Open | None) -> Decimal:
    """The volume that the deal closes."""
    is_opening = deal.entry is Entry.IN
    if (part is not None and (part.side is deal.side) is not is_opening) or (part is None and not is_opening):
        raise wire.Nonsense("a deal that does not fit its position")
    if part is None or is_opening:
        return _NOTHING
    closed = part.volume if deal.entry is Entry.IN_OUT else deal.volume
    if closed > min(part.volume, deal.volume):
        raise wire.Nonsense("a deal that closes more than is open")
    return closed


def _share(amount: Decimal, part: Decimal, whole: Decimal, places: int) -> Decimal:
    """The share of an amount, which is the whole amount for the whole volume."""
    if part == whole:
        return amount
    return divide(EXACT.multiply(amount, part), whole, places) or _NOTHING
