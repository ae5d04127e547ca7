"""Broctagon's lists of users and of MT4 accounts [D, B-api clients pages, B-api/mt4/get-accounts.html]."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.vendors.answers import decode, json_answer, money
from sandbox.vendors.broctagon.door import CrmRefusal, page_of, text_of
from sandbox.vendors.state import VendorState

DEFAULT_LIMIT = 10

_USER_COUNT = "SELECT count(*) FROM crm.user_account"
# A page of users with their accounts on connections of the CRM.
_USERS = """
    SELECT u.id, u.name, u.email,
        coalesce((SELECT json_agg(json_build_object('platform', c.platform, 'connection_id', c.id,
                      'trading_id', a.login::text) ORDER BY a.login)
                  FROM platform.account a JOIN crm.connection c ON c.server = a.server
                  WHERE a.crm_user_id = u.id), '[]')::text AS trading_accounts
    FROM (SELECT * FROM crm.user_account ORDER BY id OFFSET $1 LIMIT $2) u ORDER BY u.id
"""
_SERVER = "SELECT server FROM crm.connection WHERE id = $1 AND platform = 'mt4'"
_ACCOUNT_COUNT = "SELECT count(*) FROM platform.account WHERE server = $1 AND ($2 = '' OR crm_user_id = $2)"
_ACCOUNTS = """
    SELECT * FROM platform.account WHERE server = $1 AND ($2 = '' OR crm_user_id = $2) ORDER BY login OFFSET $3 LIMIT $4
"""


async def crm_users(state: VendorState, request: Request, _fields: dict[str, Any]) -> Response:
    """Users in pages. `skip` and `limit` are mandatory."""
    skip, limit = page_of(dict(request.query_params), skip=None, limit=None)
    rows = await state.pool.fetch(_USERS, skip, limit)
    count = await state.pool.fetchval(_USER_COUNT)
    return json_answer({"count": count, "records": [_user(row) for row in rows]})


def _user(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "email": row["email"],
        "phone": {"country_code": "", "number": ""},
        "type": "trader",
        "group_id": "",
        "group_name": "",
        "referral_code": "",
        "kyc_status": "verified",
        "kyc_processing": False,
        "trading_accounts": decode(row["trading_accounts"].encode()),
        "referrer": None,
    }


async def mt4_accounts(state: VendorState, request: Request, _fields: dict[str, Any]) -> Response:
    """Accounts of a connection. There is no filter by login, and the default limit is ten."""
    query = dict(request.query_params)
    connection_id, user_id = text_of(query, "connection_id"), text_of(query, "user_id", empty=True)
    skip, limit = page_of(query, skip=0, limit=DEFAULT_LIMIT)
    found = await state.pool.fetchrow(_SERVER, connection_id)
    if found is None:
        raise CrmRefusal("mt4_connection_not_found")
    rows = await state.pool.fetch(_ACCOUNTS, found["server"], user_id, skip, limit)
    count = await state.pool.fetchval(_ACCOUNT_COUNT, found["server"], user_id)
    return json_answer({"count": count, "records": [_account(row) for row in rows]})


def _account(row: Any) -> dict[str, Any]:
    """An account. `available_withdrawal` is `margin_free` less the credit."""
    equity = row["balance"] + row["credit"] + row["floating"]
    free = equity - row["margin"]
    return {
        "login": row["login"],
        "group": row["group_name"],
        "currency": row["currency"],
        "balance": money(row["balance"]),
        "credit": money(row["credit"]),
        "available_withdrawal": money(free - row["credit"]),
        "leverage": int(row["leverage"]),
        "equity": money(equity),
        "margin_free": money(free),
        "margin": money(row["margin"]),
        "margin_level": money(round(equity / row["margin"] * 100, 2)) if row["margin"] else 0,
        "created_at": row["registered_local"].isoformat(),
        "name": row["name"],
        "email": row["email"],
        "comment": row["comment"],
        "agent_account": 0,
        "lead_source": row["lead_source"],
        "enable": int(row["enabled"]),
        "enable_readonly": int(row["read_only"]),
    }
