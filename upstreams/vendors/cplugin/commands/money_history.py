"""The search for an MT4 deposit or withdrawal: TradesUserHistory [D, C-py].

MT4 keeps a balance operation as a closed trade with the command Balance, the amount in `profit` and our comment
[I, vendors.md 3.9].
"""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from core.call import Call
from core.commands import MoneyCommand, MoneyReceipt
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin.envelope import open_envelope, read_paging
from upstreams.vendors.cplugin.reads import TradePlatform
from upstreams.vendors.kit.history_search import (
    Found,
    equals_in,
    local_window,
    match_one,
    read_history,
    search_history,
)

HISTORY_PATH = "/api/v2/MT4/{tradePlatform}/TradesUserHistory/{login}"
# The name of the trade command, or its number: OP_BALANCE is 6 [C, public headers].
BALANCE = frozenset({"balance", "6"})


class _Trade(msgspec.Struct):
    order: int
    login: int
    command: int | str | None = msgspec.field(name="tradeCommand", default=None)
    profit: Decimal | None = None
    comment: str | None = None


class Mt4MoneyHistory:
    """The balance operations of one server."""

    def __init__(self, platform: TradePlatform, zone: ZoneInfo, absence_counts_after: float) -> None:
        self.absence_counts_after = absence_counts_after
        self._failures = platform.connection.authorised.failures
        self._platform = platform
        self._zone = zone

    async def find(self, command: MoneyCommand, sent_at: datetime, call: Call) -> MoneyReceipt | None:
        def read(answer: HttpAnswer) -> MoneyReceipt | None:
            trades, unread = read_history(open_envelope(answer, self._failures, writes=False), _Trade)
            if read_paging(answer).has_more:
                # Pages are not documented for this call, and a part of a history proves no absence.
                raise wire.Nonsense("a history in pages")
            found = (_found(trade, command) for trade in trades)
            ticket = match_one(found, command.reference, unread, ["comment"])
            return None if ticket is None else MoneyReceipt(upstream_reference=ticket)

        start, end = local_window(sent_at, self._zone)
        query = (("fromTime", start), ("toTime", end))
        values = {"login": command.login}
        # The read is alone, because a history without our operation does not name its account but proves that nothing
        # was booked.
        search = self._platform.get(HISTORY_PATH, read, call, values=values, query=query, alone=True)
        return await search_history(search, self._failures)


def _found(trade: _Trade, command: MoneyCommand) -> Found:
    is_ours = (
        trade.login == int(command.login)
        and str(trade.command).lower() in BALANCE
        and equals_in(command.currency, command.change, trade.profit)
        and trade.order > 0
    )
    return Found(trade.comment or "", str(trade.order), is_ours)
