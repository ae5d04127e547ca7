"""user/add: a new account. The body's values win over those of the query [D, MQ-user]."""

import re
from datetime import datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.vendors.logins import next_login
from sandbox.vendors.mt5_web.reads import ENABLED, TRADE_DISABLED
from sandbox.vendors.mt5_web.visit import INVALID, Refused, Visit

LONGEST_COMMENT, LONGEST_NAME = 63, 127
_PASSWORD = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])(?=.*[^a-zA-Z0-9]).{8,16}", re.DOTALL)

_GROUP = "SELECT currency FROM platform.account_group WHERE server = $1 AND name = $2"
# The client of the ERP with the e-mail address and name of the form.
_CLIENT = "SELECT client_number FROM hyper.clients WHERE lower(client_full_name) = lower($1) AND email = $2 LIMIT 1"
_CREATE = """
    INSERT INTO platform.account (server, login, client_number, name, email, group_name, currency, leverage, enabled,
        read_only, password_sha256, comment, registered_local)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING RETURNING login
"""


async def add(visit: Visit) -> dict[str, Any]:
    values = visit.query | {name.lower(): str(value) for name, value in visit.body.items()}
    if not values.get("name") or not re.fullmatch("[0-9]{1,3}", values.get("leverage", "")):
        raise Refused(*INVALID)
    if not all(_PASSWORD.fullmatch(values.get(name, "")) for name in ("passmain", "passinvestor")):
        raise Refused(3006, "Invalid account password")
    currency = await visit.pool.fetchval(_GROUP, visit.server.name, values.get("group", ""))
    if currency is None:
        raise Refused(8, "Not enough permissions")
    async with visit.pool.acquire() as connection, connection.transaction():
        login = int(values.get("login", "0")) or await next_login(connection, visit.server.name)
        columns = await _columns(visit, values)
        made = await connection.fetchval(
            _CREATE, visit.server.name, login, columns[0], *_texts(values, currency), *columns[1:]
        )
    if made is None:
        raise Refused(3004, "Account already exists")
    return {"login": made, "Login": made}


def _texts(values: dict[str, str], currency: str) -> tuple[Any, ...]:
    name, email = values["name"][:LONGEST_NAME], values.get("email", "")
    return (name, email, values["group"], currency, int(values["leverage"]))


async def _columns(visit: Visit, values: dict[str, str]) -> tuple[Any, ...]:
    rights = int(values.get("rights", "355"))
    client = await visit.pool.fetchval(_CLIENT, values["name"], values.get("email", ""))
    zone = ZoneInfo(visit.server.timezone)
    local: datetime = visit.state.clock.now().astimezone(zone).replace(tzinfo=None, microsecond=0)
    digest, comment = sha256(values["passmain"].encode()).digest(), values.get("comment", "")[:LONGEST_COMMENT]
    return (client, bool(rights & ENABLED), bool(rights & TRADE_DISABLED), digest, comment, local)
