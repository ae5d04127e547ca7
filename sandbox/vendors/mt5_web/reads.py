"""Reads. Missing logins have no row, rows are in no order, and an idle account has no trading state [D, C]."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.vendors.answers import money
from sandbox.vendors.mt5_web.visit import INVALID, NOT_FOUND, Refused, Visit

ENABLED, PASSWORD, TRADE_DISABLED, MORE_RIGHTS = 0x1, 0x2, 0x4, 0x20 + 0x40 + 0x100
_PERCENT = Decimal("0.01")

_USERS = "SELECT * FROM platform.account WHERE server = $1 AND login = ANY($2::bigint[]) ORDER BY md5(login::text)"
_GROUP_USERS = "SELECT * FROM platform.account WHERE server = $1 AND group_name = ANY($2::text[]) ORDER BY login"
# Only accounts with open trades have a trading state.
_STATES = """
    SELECT * FROM platform.account WHERE server = $1 AND login = ANY($2::bigint[]) AND (margin <> 0 OR floating <> 0)
    ORDER BY md5(login::text || 'state')
"""
_GROUP = "SELECT name, currency FROM platform.account_group WHERE server = $1 AND name = $2"


async def nothing(_visit: Visit) -> None:
    """The ping's answer has a code only."""


async def time_server(visit: Visit) -> dict[str, Any]:
    seconds = visit.seconds(visit.state.clock.now())
    return {"Time": f"{seconds} {datetime.fromtimestamp(seconds, UTC):%Y.%m.%d %H:%M:%S}"}


async def group(visit: Visit) -> dict[str, Any]:
    row = await visit.pool.fetchrow(_GROUP, visit.server.name, visit.text("group"))
    if row is None:
        raise Refused(*NOT_FOUND)
    return {"Group": row["name"], "Server": 1, "Company": "Sandbox", "Currency": row["currency"], "CurrencyDigits": 2}


async def user(visit: Visit) -> dict[str, Any]:
    rows = await visit.pool.fetch(_USERS, visit.server.name, [visit.whole("login")])
    if not rows:
        raise Refused(*NOT_FOUND)
    return _user(visit, rows[0])


async def users(visit: Visit) -> list[dict[str, Any]]:
    if ("login" in visit.query) == ("group" in visit.query):
        raise Refused(*INVALID)
    if "group" in visit.query:
        rows = await visit.pool.fetch(_GROUP_USERS, visit.server.name, visit.text("group").split(","))
    else:
        rows = await visit.pool.fetch(_USERS, visit.server.name, visit.logins())
    return [_user(visit, row) for row in rows]


async def states(visit: Visit) -> list[dict[str, Any]]:
    rows = await visit.pool.fetch(_STATES, visit.server.name, visit.logins())
    return [_state(row) for row in rows]


def _user(visit: Visit, row: Any) -> dict[str, Any]:
    flags = (ENABLED if row["enabled"] else 0) + PASSWORD + (TRADE_DISABLED if row["read_only"] else 0) + MORE_RIGHTS
    registered = row["registered_local"].replace(tzinfo=ZoneInfo(visit.server.timezone)).astimezone(UTC)
    first, _, last = row["name"].partition(" ")
    return {
        "Login": row["login"],
        "Group": row["group_name"],
        "Rights": flags,
        "Registration": visit.seconds(registered),
        "LastAccess": 0,
        "FirstName": first,
        "LastName": last,
        "Email": row["email"],
        "ID": "",
        "Comment": row["comment"],
        "Leverage": int(row["leverage"]),
        "Agent": 0,
        "Balance": money(row["balance"]),
        "Credit": money(row["credit"]),
        "LeadSource": row["lead_source"],
    }


def _state(row: Any) -> dict[str, Any]:
    equity, margin = row["balance"] + row["credit"] + row["floating"], row["margin"]
    return {
        "Login": row["login"],
        "CurrencyDigits": 2,
        "Balance": money(row["balance"]),
        "Credit": money(row["credit"]),
        "Margin": money(margin),
        "MarginFree": money(equity - margin),
        "MarginLevel": (equity / margin * 100).quantize(_PERCENT) if margin else Decimal("0.00"),
        "MarginLeverage": int(row["leverage"]),
        "Profit": money(row["floating"]),
        "Storage": money(Decimal(0)),
        "Floating": money(row["floating"]),
        "Equity": money(equity),
    }
