"""MT4 reads, shared by v2 and v1; v2 wraps them in the envelope [D, C-py]."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.vendors.cplugin.desk import Visit
from sandbox.vendors.cplugin.envelope import BusinessError, Page
from sandbox.vendors.cplugin.rows import balance_trade, margin_level, mt4_user
from sandbox.vendors.cplugin.trades import MAX_LOGIN

# One account.
_USER = "SELECT * FROM platform.account WHERE server = $1 AND login = $2"
# The requested accounts. The platform answers a dictionary, so that their order has no meaning.
_USERS = "SELECT * FROM platform.account WHERE server = $1 AND login = ANY($2::bigint[]) ORDER BY md5(login::text)"
# Every account of the server.
_ALL_USERS = "SELECT * FROM platform.account WHERE server = $1 ORDER BY login"
# A page of them, in the order of their logins.
_SOME_USERS = "SELECT * FROM platform.account WHERE server = $1 AND login > $2 ORDER BY login LIMIT $3"
# Accounts with open trades: the others have no margin level.
_MARGINS = "SELECT * FROM platform.account WHERE server = $1 AND (margin <> 0 OR floating <> 0) ORDER BY login"
# One group.
_GROUP = "SELECT name, currency, leverage FROM platform.account_group WHERE server = $1 AND name = $2"
# Balance operations of one account within a window of server-local time.
_HISTORY = """
    SELECT ticket, login, command, amount, comment, at FROM platform.deal
    WHERE server = $1 AND login = $2 AND at >= $3 AND at <= $4 ORDER BY ticket
"""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_VALUE = datetime(9999, 12, 30, tzinfo=UTC)


async def user_record(visit: Visit) -> dict[str, Any]:
    row = await visit.pool.fetchrow(_USER, visit.server, visit.login())
    if row is None:
        raise BusinessError("NotFound", "The account was not found.")
    return mt4_user(row, visit.timezone)


async def user_records(visit: Visit) -> list[dict[str, Any]]:
    """The requested users, in no order. A missing login has no user."""
    rows = await visit.pool.fetch(_USERS, visit.server, logins_of(visit))
    return [mt4_user(row, visit.timezone) for row in rows]


def logins_of(visit: Visit) -> list[int]:
    asked = visit.request.query_params.getlist("logins")
    if not all(text.isascii() and text.isdigit() and int(text) <= MAX_LOGIN for text in asked):
        raise BusinessError("Validation", "logins must be int32 numbers.")
    return [int(text) for text in asked]


async def users_request(visit: Visit) -> Page:
    """Users in the order of logins, after the cursor. Without a limit the answer has all users. The cursor is opaque
    [D, C-py].
    """
    limit, after = limit_of(visit.request.query_params.get("limit")), after_of(visit.request.query_params.get("cursor"))
    rows = await visit.pool.fetch(_SOME_USERS, visit.server, after, None if limit is None else limit + 1)
    shown = rows[:limit]
    more = len(rows) > len(shown)
    cursor = b64encode(str(shown[-1]["login"]).encode()).decode() if more else None
    return Page([mt4_user(row, visit.timezone) for row in shown], cursor)


def limit_of(text: str | None, most: int = MAX_LOGIN - 1) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= most):
        raise BusinessError("Validation", "limit must be a positive number.")
    return int(text)


def after_of(cursor: str | None) -> int:
    try:
        return int(b64decode(cursor or "MA==", validate=True))
    except ValueError as error:
        raise BusinessError("Validation", "cursor is none of ours.") from error


async def users(visit: Visit) -> list[dict[str, Any]]:
    return [mt4_user(row, visit.timezone) for row in await visit.pool.fetch(_ALL_USERS, visit.server)]


async def margins(visit: Visit) -> list[dict[str, Any]]:
    now = visit.state.clock.now()
    return [margin_level(row, now) for row in await visit.pool.fetch(_MARGINS, visit.server)]


async def margin_of_one(visit: Visit) -> dict[str, Any]:
    row = await visit.pool.fetchrow(_USER, visit.server, visit.login())
    if row is None or not (row["margin"] or row["floating"]):
        raise BusinessError("NotFound", "There is no open trade.")
    return margin_level(row, visit.state.clock.now())


async def group_record(visit: Visit) -> dict[str, Any]:
    """A group. Its name is case-sensitive."""
    row = await visit.pool.fetchrow(_GROUP, visit.server, visit.group())
    if row is None:
        raise BusinessError("NotFound", "The group was not found.")
    return {
        "group": row["name"],
        "enable": 1,
        "company": "Sandbox Brokerage",
        "defaultLeverage": row["leverage"],
        "currency": row["currency"],
        "marginCall": 100,
        "marginStopout": 50,
    }


async def history(visit: Visit) -> list[dict[str, Any]]:
    """Closed trades of one account, in a window of time or all trades."""
    login = visit.login()
    zone = ZoneInfo(visit.timezone)
    start = moment_of(visit, "fromTime", zone) or EPOCH
    end = moment_of(visit, "toTime", zone) or MAX_VALUE
    rows = await visit.pool.fetch(_HISTORY, visit.server, login, start, end)
    return [balance_trade(row, visit.timezone) for row in rows]


def moment_of(visit: Visit, name: str, zone: ZoneInfo) -> datetime | None:
    """A moment. A time without an offset is local time of the server."""
    text = next((value for key, value in visit.request.query_params.items() if key.lower() == name.lower()), None)
    if not text:
        return None
    try:
        # The plus of an offset is received as a blank if the client did not escape it.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError as error:
        raise BusinessError("Validation", f"{name} is no time.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
