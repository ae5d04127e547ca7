"""Closed trades and daily reports of MT4 accounts. Each read takes many logins in one billed call [D, C-spec].

The vendor's pages disagree whether a window is in UTC or in the server's time. A day more is asked for on either side,
and the answer is cut to the window here.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from core.call import Call
from core.trades import DailyReportRecord, TradeRecord
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin.envelope import open_envelope
from upstreams.vendors.cplugin.reads import TradePlatform
from upstreams.vendors.cplugin.trades.rows import Mt4ClosedTrade, Mt4DailyReport, read_report, read_trade
from upstreams.vendors.kit.history_search import WINDOW
from upstreams.vendors.kit.live_batches import MT4_LARGEST_LOGIN, Chunk, NumbersUpTo, ask_in_chunks
from upstreams.vendors.kit.row_lists import RowsByLogin
from upstreams.vendors.kit.trade_ports import Calls, ListAnswer
from upstreams.vendors.kit.trade_values import number_of, select_rows

R = TypeVar("R")

TRADES_PATH = "/api/v2/MT4/{tradePlatform}/ReportsRequest"
DAYS_PATH = "/api/v2/MT4/{tradePlatform}/DailyReportsRequest"
# A trade has some 700 bytes.
ANSWER_MAX_BYTES: Final = 64 * 1024 * 1024
_LOGINS: Final = NumbersUpTo(MT4_LARGEST_LOGIN)
_INSTANT: Final = timedelta(microseconds=1)
_Read = Callable[[RowsByLogin, Sequence[str]], Chunk[list[R]]]
"""Reads the lists of the logins from the rows of an answer."""


class _Reports:
    """The reports of one server."""

    def __init__(self, platform: TradePlatform, zone: ZoneInfo) -> None:
        self._platform = platform
        self._zone = zone
        self._failures = platform.connection.authorised.failures
        self._chunk = platform.connection.config.chunk_logins

    def most_calls(self, logins: int) -> Calls:
        return Calls(-(-logins // self._chunk), logins)

    async def _ask(  # noqa: PLR0913, PLR0917 - the parts of a read.
        self, path: str, logins: Sequence[str], start: datetime, end: datetime, lists: _Read[R], call: Call
    ) -> ListAnswer[R]:
        """One billed call per chunk. Rows are in no order. A login without rows has none, or is unknown [D, C-spec]."""
        window = [("from", _utc(start - WINDOW)), ("to", _utc(end + WINDOW))]

        async def ask(chunk: Sequence[str]) -> Chunk[list[R]]:
            def read(answer: HttpAnswer) -> Chunk[list[R]]:
                rows = RowsByLogin([open_envelope(answer, self._failures, writes=False)])
                rows.require_asked(chunk, self._failures)
                return lists(rows, chunk)

            query = [*window, *(("logins", login) for login in chunk)]
            # The read is alone, because an answer without rows names no account.
            return await self._platform.get(
                path, read, call, query=query, keys=len(chunk), alone=True, max_answer_bytes=ANSWER_MAX_BYTES
            )

        return await ask_in_chunks(logins, self._chunk, _LOGINS, ask)


class Mt4ClosedTrades(_Reports):
    """The closed trades, from the default report template, which is closed trades within the window [D, C-spec]."""

    async def fetch(self, logins: Sequence[str], start: datetime, end: datetime, call: Call) -> ListAnswer[TradeRecord]:
        def lists(rows: RowsByLogin, chunk: Sequence[str]) -> Chunk[list[TradeRecord]]:
            make = partial(read_trade, zone=self._zone)
            found = rows.read(chunk, Mt4ClosedTrade, make, number_of, self._failures)
            return select_rows(found, lambda trade: start <= trade.closed_at < end, attrgetter("closed_at"))

        return await self._ask(TRADES_PATH, logins, start, end, lists, call)


class Mt4DailyReports(_Reports):
    """The daily reports. A report belongs to a day of the server's calendar."""

    async def fetch(
        self, logins: Sequence[str], start: datetime, end: datetime, call: Call
    ) -> ListAnswer[DailyReportRecord]:
        first, last = start.astimezone(self._zone).date(), (end - _INSTANT).astimezone(self._zone).date()

        def lists(rows: RowsByLogin, chunk: Sequence[str]) -> Chunk[list[DailyReportRecord]]:
            found = rows.read(chunk, Mt4DailyReport, read_report, attrgetter("day"), self._failures)
            return select_rows(found, lambda report: first <= report.day <= last, attrgetter("day"))

        return await self._ask(DAYS_PATH, logins, start, end, lists, call)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
