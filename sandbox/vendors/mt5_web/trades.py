"""Positions, deals and daily reports. A position belongs to its deals by its number [D, MQ-pos, MQ-deal, MQ-daily]."""

from calendar import timegm
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from sandbox.vendors.answers import money
from sandbox.vendors.ledger import DAYS
from sandbox.vendors.mt5_web.visit import INVALID, Refused, Visit

MOST_DEALS = 100
_FILETIME_EPOCH = 11_644_473_600
_LAST_SECOND = time(23, 59, 59)

# Orders are no positions. A position has no commission, so that it is a part of the profit here.
_POSITIONS = """
    SELECT ticket, login, symbol, digits, (command = 'Sell')::int AS action, volume, open_price, close_price, sl, tp,
           profit + commission AS profit, swap, opened_local AT TIME ZONE $3 AS at
    FROM platform.open_trade WHERE server = $1 AND login = ANY($2::bigint[]) AND command IN ('Buy', 'Sell')
    ORDER BY md5(ticket::text)
"""
# Balance operations, the opening of each position, and its closing. Half of the commission is on the opening.
_DEALS = """
    SELECT ticket AS number, login, 0 AS order_number, 0 AS position, CASE command WHEN 'Balance' THEN 2 ELSE 3 END
           AS action, 0 AS entry, '' AS symbol, 0 AS digits, 0 AS volume, 0::numeric AS price, amount AS profit,
           0::numeric AS swap, 0::numeric AS commission, comment, at
    FROM platform.deal WHERE server = $1 AND login = ANY($2::bigint[])
    UNION ALL
    SELECT 10000000000 + 2 * ticket, login, ticket, ticket, (command = 'Sell')::int, 0, symbol, digits, volume,
           open_price, 0, 0, 0, '', opened_local AT TIME ZONE $3
    FROM platform.open_trade WHERE server = $1 AND login = ANY($2::bigint[]) AND command IN ('Buy', 'Sell')
    UNION ALL
    SELECT 20000000000 + 2 * ticket + k, login, ticket + k * 1000000000, ticket, ((command = 'Sell') <> (k = 1))::int,
           k, symbol, digits, volume, CASE k WHEN 0 THEN open_price ELSE close_price END, k * profit, k * swap,
           commission / 2, '', CASE k WHEN 0 THEN opened_local ELSE closed_local END AT TIME ZONE $3
    FROM platform.closed_trade, generate_series(0, 1) k WHERE server = $1 AND login = ANY($2::bigint[])
    ORDER BY number
"""


async def positions(visit: Visit) -> list[dict[str, Any]]:
    rows = await visit.pool.fetch(_POSITIONS, visit.server.name, _logins(visit), visit.server.timezone)
    return [_position(visit, row) for row in rows]


async def deals(visit: Visit) -> list[dict[str, Any]]:
    """The deals of many accounts. The order is not promised."""
    return (await _deals(visit, _logins(visit)))[::-1]


async def deal_total(visit: Visit) -> dict[str, Any]:
    return {"Total": len(await _deals(visit, [visit.whole("login")]))}


async def deal_page(visit: Visit) -> list[dict[str, Any]]:
    offset, total = visit.whole("offset"), visit.whole("total")
    if offset < 0 or not 0 < total <= MOST_DEALS:
        raise Refused(*INVALID)
    return (await _deals(visit, [visit.whole("login")]))[offset : offset + total]


async def daily(visit: Visit) -> list[dict[str, Any]]:
    return await _daily(visit, _logins(visit))


async def older_daily(visit: Visit) -> list[dict[str, Any]]:
    """The path of older builds, for one login."""
    return await _daily(visit, [visit.whole("login")])


def _logins(visit: Visit) -> list[int]:
    """The logins. The sandbox has neither the groups nor the tickets that may be asked for in their place."""
    if "group" in visit.query or "ticket" in visit.query:
        raise Refused(*INVALID)
    return visit.logins()


async def _deals(visit: Visit, logins: list[int]) -> list[dict[str, Any]]:
    """The deals in a window of the server's own stamps."""
    start, end = visit.whole("from"), visit.whole("to")
    rows = await visit.pool.fetch(_DEALS, visit.server.name, logins, visit.server.timezone)
    return [_deal(row, seconds) for row in rows if start <= (seconds := visit.seconds(row["at"])) <= end]


async def _daily(visit: Visit, logins: list[int]) -> list[dict[str, Any]]:
    start, end = (datetime.fromtimestamp(visit.whole(name), UTC).replace(tzinfo=None) for name in ("from", "to"))
    first = datetime.combine(start, time())
    rows = await visit.pool.fetch(DAYS, visit.server.name, logins, first, end, visit.server.timezone)
    ends = [datetime.combine(row["day"], _LAST_SECOND) for row in rows]
    return [_report(visit, row, at) for row, at in zip(rows, ends, strict=True) if start <= at <= end]


def _volume(hundredths: int) -> dict[str, Any]:
    return {"Volume": hundredths * 100, "VolumeExt": hundredths * 1_000_000}


def _position(visit: Visit, row: Any) -> dict[str, Any]:
    seconds = visit.seconds(row["at"])
    return {
        "Position": row["ticket"],
        "Login": row["login"],
        "Symbol": row["symbol"],
        "Action": row["action"],
        "Digits": row["digits"],
        "DigitsCurrency": 2,
        "ContractSize": "100000.00",
        "TimeCreate": seconds,
        "TimeUpdate": seconds,
        "PriceOpen": round(row["open_price"], row["digits"]),
        "PriceCurrent": round(row["close_price"], row["digits"]),
        "PriceSL": round(row["sl"], row["digits"]),
        "PriceTP": round(row["tp"], row["digits"]),
        **_volume(row["volume"]),
        "Profit": money(row["profit"]),
        "Storage": money(row["swap"]),
        "Dealer": 0,
        "ExpertID": 0,
        "Comment": "",
        "Reason": 0,
    }


def _deal(row: Any, seconds: int) -> dict[str, Any]:
    is_trade = row["position"] != 0
    return {
        "Deal": row["number"],
        "ExternalID": "",
        "Login": row["login"],
        "Dealer": 0 if is_trade else 1001,
        "Order": row["order_number"],
        "Action": row["action"],
        "Entry": row["entry"],
        "Digits": row["digits"],
        "DigitsCurrency": 2,
        "ContractSize": "100000.00" if is_trade else "0.00",
        "Time": seconds,
        "TimeMsc": seconds * 1000,
        "Symbol": row["symbol"],
        "Price": round(row["price"], row["digits"]),
        **_volume(row["volume"]),
        "VolumeClosed": row["volume"] * 100 * row["entry"],
        "Profit": money(row["profit"]),
        "Storage": money(row["swap"]),
        "Commission": money(row["commission"]),
        "PositionID": row["position"],
        "Comment": row["comment"],
        "Reason": 0 if is_trade else 2,
    }


def _report(visit: Visit, row: Any, end: datetime) -> dict[str, Any]:
    """A report. DatetimePrev is the server's wall clock, and Timestamp is UTC in units of 100 ns since 1601 [I]."""
    seconds, equity = timegm(end.timetuple()), row["balance"] + row["credit"] + row["floating"]
    ahead = visit.seconds(visit.state.clock.now()) - int(visit.state.clock.now().timestamp())
    return {
        "Timestamp": (seconds - ahead + _FILETIME_EPOCH) * 10_000_000,
        "DatetimePrev": seconds,
        "Login": row["login"],
        "Group": row["group_name"],
        "CurrencyDigits": 2,
        "Balance": money(row["balance"]),
        "Credit": money(row["credit"]),
        "Margin": money(row["margin"]),
        "MarginFree": money(equity - row["margin"]),
        "Profit": money(row["floating"]),
        "ProfitStorage": money(Decimal(0)),
        "ProfitEquity": money(equity),
        "DailyProfit": money(row["profit_closed"]),
        "DailyBalance": money(row["deposit"]),
        "DailyCredit": money(Decimal(0)),
    }
