"""The closings of one position: what is opened and closed, and the costs, add up exactly."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.trades import Side
from upstreams.http.decoding.lenient_json import Nonsense
from upstreams.vendors.mt5_web.trades.closings import read_closings
from upstreams.vendors.mt5_web.trades.rows import Deal, Entry

OPENED = datetime(2025, 2, 3, tzinfo=UTC)
VOLUMES = some.integers(1, 500).map(lambda units: Decimal(units).scaleb(-2))
# A server may write more places than its currency has.
AMOUNTS = some.integers(-50_000, 50_000).map(lambda units: Decimal(units).scaleb(-3))


def deal(number, entry, side, volume, price="1.10000", swap="0", commission="0", profit="0"):
    amounts = {name: Decimal(one) for name, one in (("swap", swap), ("commission", commission), ("profit", profit))}
    return Deal(
        number=number,
        order=1,
        position=1,
        entry=entry,
        side=side,
        symbol="EURUSD",
        at=OPENED + timedelta(minutes=number),
        volume=Decimal(volume),
        price=Decimal(price),
        places=2,
        comment=None,
        **amounts,
    )


OTHER = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


@some.composite
def netting(draw):
    """The deals of a position of a netting account, which is closed at the end."""
    deals, side, opened = [], Side.BUY, Decimal(0)
    for number in range(1, draw(some.integers(2, 12))):
        volume, costs = draw(VOLUMES), {name: draw(AMOUNTS) for name in ("swap", "commission", "profit")}
        if not opened or draw(some.booleans()):
            entry, now = Entry.IN, opened + volume
            costs["profit"] = Decimal(0)
        elif volume > opened:
            entry, side, now = Entry.IN_OUT, OTHER[side], volume - opened
        else:
            entry, now = draw(some.sampled_from((Entry.OUT, Entry.OUT_BY))), opened - volume
        acting = OTHER[side] if entry in {Entry.OUT, Entry.OUT_BY} else side
        price = Decimal(draw(some.integers(100_000, 120_000))).scaleb(-5)
        deals.append(deal(number, entry, acting, volume, str(price), **costs))
        opened = now
    if opened:
        deals.append(deal(99, Entry.OUT, OTHER[side], opened, profit="1"))
    return deals


@given(netting())
def test_all_costs_and_volumes_are_in_the_closings(deals):
    trades = list(read_closings(deals))

    for name in ("profit", "swap", "commission"):
        assert sum(getattr(one, name) for one in trades) == sum(getattr(one, name) for one in deals)
    closed = sum(one.volume for one in trades)
    assert 2 * closed == sum(one.volume for one in deals)
    assert [one.ticket for one in trades] == [str(one.number) for one in deals if one.entry is not Entry.IN]
    assert all(one.open_price.as_tuple().exponent == -5 for one in trades)


def test_the_opening_price_is_the_average_of_what_is_open():
    deals = [
        deal(1, Entry.IN, Side.BUY, "1", "1.10000"),
        deal(2, Entry.IN, Side.BUY, "2", "1.10010"),
        deal(3, Entry.OUT, Side.SELL, "1.5", "1.20000"),
        deal(4, Entry.IN, Side.BUY, "1.5", "1.10020"),
        deal(5, Entry.OUT, Side.SELL, "3", "1.20000"),
    ]

    assert [str(one.open_price) for one in read_closings(deals)] == ["1.10007", "1.10013"]


@pytest.mark.parametrize("entry", [Entry.OUT, Entry.OUT_BY, Entry.IN_OUT])
def test_a_closing_of_nothing_is_nonsense(entry):
    with pytest.raises(Nonsense):
        list(read_closings([deal(1, entry, Side.SELL, "1")]))
