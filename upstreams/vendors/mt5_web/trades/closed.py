"""Closed trades: the deals of a window, and the deals before it where a position was opened earlier [D, MQ-deal].

The vendor documents no search by position. The deals of earlier times are therefore read, and only for the accounts
that need them: first those of a quarter, then all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Final

from core.call import Call
from core.errors import UpstreamError
from core.trades import TradeRecord
from upstreams.vendors.kit.live_batches import Chunk, ask_in_chunks
from upstreams.vendors.kit.rows import NONSENSE, unreadable_row
from upstreams.vendors.kit.trade_ports import Calls, ListAnswer
from upstreams.vendors.mt5_web.live import LOGINS
from upstreams.vendors.mt5_web.trades.closings import read_closings
from upstreams.vendors.mt5_web.trades.reads import ListReads, Stamps, stamps_around
from upstreams.vendors.mt5_web.trades.rows import Deal, Entry, Mt5Deal, read_deal

DEALS_PATH = "/api/deal/get_batch"
LOOK_BACK: Final = timedelta(days=90)
# The deals of the window, of a quarter before it, and of all time before that.
MOST_READS: Final = 3

Deals = Mapping[str, list[Deal] | UpstreamError]


class Mt5WebClosedTrades(ListReads):
    """The closed trades of one server."""

    def most_calls(self, logins: int) -> Calls:
        return Calls(MOST_READS * -(-logins // self._chunk), MOST_READS * logins)

    async def fetch(self, logins: Sequence[str], start: datetime, end: datetime, call: Call) -> ListAnswer[TradeRecord]:
        def is_wanted(moment: datetime) -> bool:
            return start <= moment < end

        async def ask(chunk: Sequence[str]) -> Chunk[list[TradeRecord]]:
            offset = await self._time.offset(call)
            zone, window = self._time.zone(offset), stamps_around(start, end, offset)
            deals = await self._deals(chunk, window, zone, call)
            first = max(0, window[0] - int(LOOK_BACK.total_seconds()))
            for earlier in ((first, window[0]), (0, first)):
                deals = await self._with_earlier(deals, earlier, zone, is_wanted, call)
            return {login: self._trades(found, is_wanted) for login, found in deals.items()}

        return await ask_in_chunks(logins, self._chunk, LOGINS, ask)

    async def _deals(self, logins: Sequence[str], window: Stamps, zone: tzinfo, call: Call) -> Deals:
        rows = await self._rows(DEALS_PATH, logins, call, window)
        return rows.read(logins, Mt5Deal, partial(read_deal, zone=zone), attrgetter("number"), self._failures)

    async def _with_earlier(
        self, deals: Deals, window: Stamps, zone: tzinfo, is_wanted: Callable[[datetime], bool], call: Call
    ) -> Deals:
        """The deals, and the earlier ones of the accounts whose openings are not among them."""
        lacking = [
            login for login, found in deals.items() if isinstance(found, list) and _lacks_openings(found, is_wanted)
        ]
        if not lacking:
            return deals
        try:
            earlier = await self._deals(lacking, window, zone, call)
        except UpstreamError as error:
            earlier = dict.fromkeys(lacking, error)
        return {**deals, **{login: _joined(earlier[login], deals[login]) for login in lacking}}

    def _trades(
        self, deals: list[Deal] | UpstreamError, is_wanted: Callable[[datetime], bool]
    ) -> list[TradeRecord] | UpstreamError:
        if isinstance(deals, UpstreamError):
            return deals
        try:
            found = [trade for position in _closed(deals, is_wanted) for trade in read_closings(position)]
        except NONSENSE as error:
            return unreadable_row(type(error).__name__, self._failures)
        return sorted((one for one in found if is_wanted(one.closed_at)), key=attrgetter("closed_at"))


def _closed(deals: Iterable[Deal], is_wanted: Callable[[datetime], bool]) -> list[list[Deal]]:
    """The deals of each position that is closed in the window, wholly or in part, in the order of their numbers."""
    ordered = sorted(deals, key=attrgetter("position", "number"))
    positions = [list(group) for _, group in groupby(ordered, attrgetter("position"))]
    return [one for one in positions if any(deal.entry is not Entry.IN and is_wanted(deal.at) for deal in one)]


def _lacks_openings(deals: Iterable[Deal], is_wanted: Callable[[datetime], bool]) -> bool:
    """Whether a closed position may have been opened before these deals. It has the number of the order that opened
    it [I].
    """
    return not all(
        any(deal.entry is Entry.IN and deal.order == deal.position for deal in position)
        for position in _closed(deals, is_wanted)
    )


def _joined(earlier: list[Deal] | UpstreamError, later: list[Deal] | UpstreamError) -> list[Deal] | UpstreamError:
    """Both lists. A deal of the moment between the windows may be in both."""
    for one in (earlier, later):
        if isinstance(one, UpstreamError):
            return one
    return list({deal.number: deal for deal in (*earlier, *later)}.values())  # type: ignore[misc]
