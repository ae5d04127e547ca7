"""Daily reports: one call for many accounts, or one call per account on a server of an older build [D, MQ-daily]."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Final

from core.call import Call
from core.errors import Reason, Rejected
from core.trades import DailyReportRecord
from upstreams.vendors.kit.live_batches import Chunk, ask_in_chunks
from upstreams.vendors.kit.trade_ports import Calls, ListAnswer
from upstreams.vendors.kit.trade_values import select_rows
from upstreams.vendors.mt5_web.live import LOGINS
from upstreams.vendors.mt5_web.trades.reads import ListReads, stamps_around
from upstreams.vendors.mt5_web.trades.rows import Mt5DailyReport, read_report

DAYS_PATH = "/api/daily/get_batch"
OLDER_PATH = "/api/daily_get"
# The older path is documented for one login. So many accounts are read with it.
MOST_SINGLE: Final = 20
# The answers of a server without the path: HTTP 404, not implemented, not supported [I].
_NO_PATH: Final = frozenset({"404", "12000", "12002"})
_INSTANT: Final = timedelta(microseconds=1)


class Mt5WebDailyReports(ListReads):
    """The daily reports of one server. A report belongs to a day of the server's calendar."""

    def most_calls(self, logins: int) -> Calls:
        single = min(logins, MOST_SINGLE)
        return Calls(-(-logins // self._chunk) + single, logins + single)

    async def fetch(
        self, logins: Sequence[str], start: datetime, end: datetime, call: Call
    ) -> ListAnswer[DailyReportRecord]:
        async def ask(chunk: Sequence[str], path: str = DAYS_PATH) -> Chunk[list[DailyReportRecord]]:
            offset = await self._time.offset(call)
            zone = self._time.zone(offset)
            first, last = start.astimezone(zone).date(), (end - _INSTANT).astimezone(zone).date()
            rows = await self._rows(path, chunk, call, stamps_around(start, end, offset))
            found = rows.read(chunk, Mt5DailyReport, read_report, attrgetter("day"), self._failures)
            return select_rows(found, lambda report: first <= report.day <= last, attrgetter("day"))

        found = await ask_in_chunks(logins, self._chunk, LOGINS, ask)
        older = [login for login, one in found.items() if isinstance(one, Rejected) and one.upstream_code in _NO_PATH]
        if len(older) > MOST_SINGLE:
            message = f"The server reads the daily reports of {MOST_SINGLE} accounts at a time."
            return {**found, **dict.fromkeys(older, self._failures.rejected(Reason.LIMIT_EXCEEDED, message))}
        return {**found, **await ask_in_chunks(older, 1, LOGINS, partial(ask, path=OLDER_PATH))}
