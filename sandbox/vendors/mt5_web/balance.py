"""trade/balance: an operation on balance or credit. It has no key: a repeat is a second operation [D, MQ-bal]."""

import re
from decimal import Decimal
from typing import Any

from sandbox.vendors import ledger
from sandbox.vendors.mt5_web.visit import INVALID, NOT_FOUND, Refused, Visit

MOST = Decimal(1_000_000_000)
COMMANDS = {2: "Balance", 3: "Credit"}
"""The types that the sandbox has, of 2 to 6."""
NO_MONEY = (10019, "No money")

# The account. It is locked, so that operations on it run one after another.
_LOCK = "SELECT balance, credit, floating, margin FROM platform.account WHERE server = $1 AND login = $2 FOR UPDATE"


async def trade_balance(visit: Visit) -> dict[str, Any]:
    login, kind, written = visit.whole("login"), visit.whole("type"), visit.text("balance")
    if kind not in COMMANDS or not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,8})?", written):
        raise Refused(*INVALID)
    amount, checked = Decimal(written), visit.text("check_margin", "1") != "0"
    if abs(amount) > MOST:
        raise Refused(4005, "Money limit reached")
    async with visit.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_LOCK, visit.server.name, login)
        if row is None:
            raise Refused(*NOT_FOUND)
        _check_money(row, COMMANDS[kind], amount, checked=checked)
        comment, now = ledger.cut(visit.text("comment", "")), visit.state.clock.now()
        ticket = await ledger.book(connection, visit.server.name, login, COMMANDS[kind], amount, comment, now)
    return {"Ticket": ticket}


def _check_money(row: Any, command: str, amount: Decimal, *, checked: bool) -> None:
    held = row["balance"] if command == "Balance" else row["credit"]
    free = row["balance"] + row["credit"] + row["floating"] - row["margin"]
    if amount < 0 and (held + amount < 0 or (checked and free + amount < 0)):
        raise Refused(*NO_MONEY)
