"""MT5 in v2: reads of one user, one group and the time zone. It has no writes [D, C-spec]."""

from typing import Any
from zoneinfo import ZoneInfo

from sandbox.vendors.cplugin.desk import Visit
from sandbox.vendors.cplugin.envelope import BusinessError
from sandbox.vendors.cplugin.rows import mt5_user

# One account.
_USER = "SELECT * FROM platform.account WHERE server = $1 AND login = $2"
# One group.
_GROUP = "SELECT name, currency FROM platform.account_group WHERE server = $1 AND name = $2"


async def user_get(visit: Visit) -> dict[str, Any]:
    row = await visit.pool.fetchrow(_USER, visit.server, visit.login())
    if row is None:
        raise BusinessError("NotFound", "The user was not found.")
    return mt5_user(row, visit.timezone)


async def group_get(visit: Visit) -> dict[str, Any]:
    row = await visit.pool.fetchrow(_GROUP, visit.server, visit.group())
    if row is None:
        raise BusinessError("NotFound", "The group was not found.")
    return {
        "group": row["name"],
        "server": 1,
        "company": "Sandbox Brokerage",
        "currency": row["currency"],
        "currencyDigits": 2,
    }


async def time_get(visit: Visit) -> dict[str, Any]:
    """The time zone in minutes from GMT, without the hour of summer time [D, C-py MT5Time]."""
    local = visit.state.clock.now().astimezone(ZoneInfo(visit.timezone))
    offset, summer = local.utcoffset(), local.dst()
    assert offset is not None
    assert summer is not None
    minutes = int((offset - summer).total_seconds()) // 60
    return {"timeZone": minutes, "timeServer": "", "daylight": True, "daylightState": int(bool(summer))}
