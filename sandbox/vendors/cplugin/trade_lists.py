"""Reads of open trades, closed trades, daily reports and the check of the books [D, C-spec]."""

from base64 import b64encode
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.vendors.answers import money
from sandbox.vendors.cplugin.desk import Visit
from sandbox.vendors.cplugin.envelope import BusinessError, Page
from sandbox.vendors.cplugin.mt4_reads import after_of, limit_of, logins_of, moment_of
from sandbox.vendors.cplugin.rows import balance_trade, daily_report, mt4_trade
from sandbox.vendors.ledger import DAYS

MAX_PAGE = 5000

# A page of open trades, in the order of their tickets.
_OPEN = "SELECT * FROM platform.open_trade WHERE server = $1 AND ticket > $2 ORDER BY ticket LIMIT $3"
# The open trades of one account. The platform finds none for a wrong group.
_OPEN_OF = "SELECT * FROM platform.open_trade WHERE server = $1 AND login = $2 AND group_name = $3"
# Closed trades within a window of local time, in no order.
_CLOSED = """
    SELECT * FROM platform.closed_trade
    WHERE server = $1 AND login = ANY($2::bigint[]) AND closed_local BETWEEN $3 AND $4 ORDER BY md5(ticket::text)
"""
# Balance operations, which MT4 keeps as closed trades [I].
_OPERATIONS = """
    SELECT ticket, login, command, amount, comment, at FROM platform.deal
    WHERE server = $1 AND login = ANY($2::bigint[]) AND at BETWEEN $3 AND $4
"""
# Accounts with a difference.
_DIFFERENCES = "SELECT login, diff FROM platform.books_difference WHERE server = $1 AND login = ANY($2::bigint[])"


async def open_trades(visit: Visit) -> Page:
    parameters = visit.request.query_params
    limit, after = limit_of(parameters.get("limit"), MAX_PAGE), after_of(parameters.get("cursor"))
    rows = await visit.pool.fetch(_OPEN, visit.server, after, None if limit is None else limit + 1)
    shown = rows[:limit]
    more = len(rows) > len(shown)
    cursor = b64encode(str(shown[-1]["ticket"]).encode()).decode() if more else None
    return Page([mt4_trade(row) for row in shown], cursor)


async def open_trades_of_one(visit: Visit) -> list[dict[str, Any]]:
    rows = await visit.pool.fetch(_OPEN_OF, visit.server, visit.login(), visit.group())
    return [mt4_trade(row) for row in rows]


async def reports(visit: Visit) -> list[dict[str, Any]]:
    """Closed trades and balance operations of the accounts. A missing login has none."""
    start, end = _window(visit)
    logins = _some_logins(visit)
    closed = await visit.pool.fetch(_CLOSED, visit.server, logins, _local(visit, start), _local(visit, end))
    operations = await visit.pool.fetch(_OPERATIONS, visit.server, logins, start, end)
    return [*map(mt4_trade, closed), *(balance_trade(row, visit.timezone) for row in operations)]


async def daily_reports(visit: Visit) -> list[dict[str, Any]]:
    start, end = (_local(visit, moment).replace(hour=0, minute=0, second=0) for moment in _window(visit))
    rows = await visit.pool.fetch(DAYS, visit.server, _some_logins(visit), start, end, visit.timezone)
    return [daily_report(row) for row in rows]


async def balance_check(visit: Visit) -> list[dict[str, Any]]:
    """The accounts with a difference only."""
    rows = await visit.pool.fetch(_DIFFERENCES, visit.server, logins_of(visit))
    return [{"login": row["login"], "diff": money(row["diff"])} for row in rows]


def _some_logins(visit: Visit) -> list[int]:
    logins = logins_of(visit)
    if not logins:
        raise BusinessError("Validation", "logins must not be empty.")
    return logins


def _window(visit: Visit) -> tuple[datetime, datetime]:
    zone = ZoneInfo("UTC")
    start, end = moment_of(visit, "from", zone), moment_of(visit, "to", zone)
    if start is None or end is None:
        raise BusinessError("Validation", "from and to are required.")
    return start, end


def _local(visit: Visit, moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo(visit.timezone)).replace(tzinfo=None)
