"""Broctagon's MT4 deposit and withdrawal, and its report of transactions [D, B-api/mt4/deposit.html, report pages]."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from sandbox.vendors.answers import json_answer, money
from sandbox.vendors.broctagon.door import CrmRefusal, invalid, page_of, text_of
from sandbox.vendors.ledger import book, cut
from sandbox.vendors.state import VendorState

REPEAT_WINDOW: Final = timedelta(minutes=2)
"""The same comment is not booked twice within this time. The rule is applied for each connection, which is not
documented [I].
"""
AMOUNT: Final = re.compile(r"\d{1,12}(\.\d{1,8})?")
"""A decimal(20,8) as text."""
MAX_SPAN: Final = timedelta(days=93)
"""The longest time between start and end of a report: three months."""

# The trading server behind an MT4 connection.
_SERVER = "SELECT server FROM crm.connection WHERE id = $1 AND platform = 'mt4' AND server IS NOT NULL"
# The account's currency and `available_withdrawal`: the free margin without the credit.
_ACCOUNT = """
    SELECT currency, balance + floating - margin AS available FROM platform.account
    WHERE server = $1 AND login = $2 FOR UPDATE
"""
# Store the comment. No row is returned if the comment was seen recently. The row lock makes equal comments wait for
# each other.
_REMEMBER = """
    INSERT INTO crm.deposit_comment AS seen (connection_id, comment, at) VALUES ($1, $2, $3)
    ON CONFLICT (connection_id, comment) DO UPDATE SET at = excluded.at WHERE seen.at <= excluded.at - $4::interval
    RETURNING true
"""
_TRANSACTIONS = """
    SELECT d.ticket, d.login, d.command, d.amount, d.comment, d.at, a.crm_user_id, a.currency, c.id AS connection_id
    FROM platform.deal d
    JOIN platform.account a USING (server, login)
    JOIN crm.connection c ON c.server = d.server
    WHERE d.at >= $1 AND d.at <= $2 AND ($3 = '' OR a.crm_user_id = $3)
    ORDER BY d.at, d.ticket OFFSET $4 LIMIT $5
"""


async def deposit(state: VendorState, request: Request, fields: dict[str, Any]) -> Response:
    """Book a deposit. Only 204 without a body is a success. 200 {"repeat": true} means that the comment is known."""
    return await _move(state, request, fields, sign=1)


async def withdraw(state: VendorState, request: Request, fields: dict[str, Any]) -> Response:
    """Book a withdrawal, with the fields and answers of a deposit, and with insufficient_funds [D]."""
    return await _move(state, request, fields, sign=-1)


async def _move(state: VendorState, request: Request, fields: dict[str, Any], sign: int) -> Response:
    connection_id, currency = text_of(fields, "connection_id"), text_of(fields, "currency")
    amount, comment = _amount(text_of(fields, "amount")), text_of(fields, "comment")
    login = _login(request)
    server = await state.pool.fetchval(_SERVER, connection_id)
    if server is None:
        raise CrmRefusal("mt4_connection_not_found")
    now = state.clock.now()
    async with state.pool.acquire() as connection, connection.transaction():
        known = await connection.fetchrow(_ACCOUNT, server, login)
        if known is None:
            raise CrmRefusal("mt4_account_not_found")
        if known["currency"] != currency:
            raise invalid("currency is not the account's")
        if not await connection.fetchval(_REMEMBER, connection_id, comment, now, REPEAT_WINDOW):
            return json_answer({"repeat": True})
        if sign < 0 and amount > known["available"]:
            raise CrmRefusal("insufficient_funds")
        await book(connection, server, login, "Balance", sign * amount, cut(comment), now)
    return Response(status_code=204)


def _amount(text: str) -> Decimal:
    if not AMOUNT.fullmatch(text) or not Decimal(text):
        raise invalid("amount must be decimal(20,8)")
    return Decimal(text)


def _login(request: Request) -> int:
    text = str(request.path_params["login"])
    if not (text.isascii() and text.isdigit() and int(text) < 2**31):
        raise CrmRefusal("mt4_account_not_found")
    return int(text)


async def transactions(state: VendorState, _request: Request, fields: dict[str, Any]) -> Response:
    """The report, which is documented for reconciliation. We assume that what the API books appears in it [I]."""
    skip, limit = page_of(fields, skip=None, limit=None)
    start, end = _moment(fields, "start"), _moment(fields, "end")
    if not timedelta() <= end - start <= MAX_SPAN:
        raise invalid("start and end must be at most 3 months apart")
    user_id = text_of(fields, "user_id", empty=True)
    rows = await state.pool.fetch(_TRANSACTIONS, start, end, user_id, skip, limit)
    return json_answer({"count": len(rows), "records": [_transaction(row) for row in rows]})


def _moment(fields: dict[str, Any], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text_of(fields, name))
    except ValueError as error:
        raise invalid(f"{name} is no date") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    # A day without a time is the whole day.
    return moment + timedelta(days=1) if name == "end" and len(fields[name]) == len("2026-01-31") else moment


def _transaction(row: Any) -> dict[str, Any]:
    return {
        "id": str(row["ticket"]),
        "user_id": row["crm_user_id"],
        "type": "deposit" if row["amount"] > 0 else "withdrawal",
        "currency": row["currency"],
        "amount": money(row["amount"]),
        "timestamp": row["at"],
        "comment": row["comment"],
        "trading_platform": "mt4",
        "trading_connection_id": row["connection_id"],
        "trading_id": str(row["login"]),
        "status": "completed",
    }
