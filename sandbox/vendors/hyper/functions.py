"""The two functions of the seeds: Create_TP_Account_Json and Get_Client_Balance_json [D, H-1675, H-1244]."""

import hmac
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.responses import Response

from sandbox.vendors.answers import money
from sandbox.vendors.hyper.codes import BAD_INPUT, BUSY, EXISTS_OR_RESTRICTED, OK, WRONG_PASSWORD, HyperRefusal, answer
from sandbox.vendors.logins import next_login
from sandbox.vendors.state import Connection, VendorState

NEW_SERVER: Final = "R1"
NEW_GROUP: Final = "Basic_IL2"
READONLY: Final = 2
APPROVED: Final = (4, 5)
MAX_CLIENT_NUMBER: Final = 2**31 - 1
RESTRICTED_TEXT: Final = "Client account has a restrictive status, please review it in Hyper"
_CLIENT_LOCK = 0x4859
"""The first half of the advisory lock for making a client's account."""

# The client, with its API password.
_CLIENT = """
    SELECT c.client_number, c.full_name, c.email, c.agency, c.erp_status, c.erp_status_text, c.identity_locked,
           c.crm_user_id, w.web_status, w.web_status_text, p.api_password
    FROM brokergraph_erp.client c
    LEFT JOIN brokergraph_erp.web_status w USING (client_number)
    LEFT JOIN brokergraph_erp.api_password p USING (client_number)
    WHERE c.client_number = $1
"""
# The client's balances with the accounting currency, without balances of zero.
_BALANCES = """
    SELECT currency, balance, cash, value FROM brokergraph_erp.currency_balance
    WHERE client_number = $1 ORDER BY currency
"""
_ACCOUNTING = "SELECT currency FROM brokergraph_erp.accounting_currency"
# One creation at a time for a client. A second request is refused instead of waiting.
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock($1, $2)"
# The existing account of the client. The function makes at most one account, so that any account counts.
_EXISTING = """
    SELECT server, login, platform, status, group_name, currency, balance FROM brokergraph_erp.trading_account
    WHERE client_number = $1 AND platform IN ('MT4', 'MT5') AND login ~ '^[0-9]+$'
    ORDER BY server <> $2, server, login LIMIT 1
"""
# The group's currency and leverage, and the server's zone.
_GROUP = """
    SELECT g.currency, g.leverage, s.platform, s.timezone FROM platform.account_group g
    JOIN platform.server s ON s.name = g.server
    WHERE g.server = $1 AND g.name = $2
"""
# The account on the platform. It is read-only at first, which is status 2 of the sample.
_OPEN = """
    INSERT INTO platform.account (server, login, client_number, crm_user_id, name, email, group_name, currency,
        leverage, read_only, registered_local)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, true, $10)
"""
# The account in the ERP's own table, where the next call finds it.
_FILE = """
    INSERT INTO hyper.tpm_account_status (data_source, account_login, client_number, platform, status, group_name,
        currency, balance, equity, margin, synced_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, $8)
"""


async def identify(state: VendorState, fields: dict[str, Any]) -> Any:
    """The client. ClientNumber is an integer, API_Password is a text, and both belong to the same client [D]."""
    number, password = fields.get("ClientNumber"), fields.get("API_Password")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= MAX_CLIENT_NUMBER:
        raise HyperRefusal(BAD_INPUT)
    if not isinstance(password, str) or not password:
        raise HyperRefusal(BAD_INPUT)
    client = await state.pool.fetchrow(_CLIENT, number)
    if client is None:
        raise HyperRefusal(BAD_INPUT)
    if not hmac.compare_digest(password.encode(), (client["api_password"] or "").encode()):
        raise HyperRefusal(WRONG_PASSWORD)
    return client


async def get_client_balance(state: VendorState, fields: dict[str, Any]) -> Response:
    """A client's balance. Code 1 is a restricted client, with HTTP 200 and, which is not documented, with Data [I]."""
    client = await identify(state, fields)
    base = await state.pool.fetchval(_ACCOUNTING)
    rows = await state.pool.fetch(_BALANCES, client["client_number"])
    content = {
        "ERP_Account_Status": client["erp_status"],
        "ERP_Account_Status_Text": client["erp_status_text"],
        "Web_Account_Status": client["web_status"],
        "Web_Account_Status_Text": client["web_status_text"],
        "Agency": client["agency"],
        "Data": [_balance(row, base) for row in rows],
        f"Total_Floating_Balance_{base}": money(sum((row["value"] or Decimal(0) for row in rows), Decimal(0))),
    }
    if client["identity_locked"] and client["erp_status"] in APPROVED:
        return answer(OK, "Client account is OK", content)
    return answer(EXISTS_OR_RESTRICTED, RESTRICTED_TEXT, content)


def _balance(row: Any, base: str) -> dict[str, Any]:
    return {
        "Currency": row["currency"],
        "Balance": money(row["balance"]),
        f"Value_{base}": None if row["value"] is None else money(row["value"]),
        "Cash": money(row["cash"]),
    }


async def create_tp_account(state: VendorState, fields: dict[str, Any]) -> Response:
    """Make an account. If the client has an account, the answer is this account with code 1, so that a repeat is
    harmless.
    """
    client = await identify(state, fields)
    async with state.pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval(_TRY_LOCK, _CLIENT_LOCK, client["client_number"]):
            raise HyperRefusal(BUSY)
        existing = await connection.fetchrow(_EXISTING, client["client_number"], NEW_SERVER)
        if existing is not None:
            return answer(EXISTS_OR_RESTRICTED, "TP account is already exist", {"account": _account(existing)})
        account = await _open(state, connection, client)
    return answer(OK, "Success", {"account": _account(account)})


async def _open(state: VendorState, connection: Connection, client: Any) -> dict[str, Any]:
    group = await connection.fetchrow(_GROUP, NEW_SERVER, NEW_GROUP)
    assert group is not None
    login = await next_login(connection, NEW_SERVER)
    now = state.clock.now()
    local = now.astimezone(ZoneInfo(group["timezone"])).replace(tzinfo=None, microsecond=0)
    owner = (client["client_number"], client["crm_user_id"], client["full_name"], client["email"] or "")
    terms = (NEW_GROUP, group["currency"], group["leverage"])
    await connection.execute(_OPEN, NEW_SERVER, login, *owner, *terms, local)
    filed = (NEW_SERVER, str(login), client["client_number"], group["platform"], READONLY)
    await connection.execute(_FILE, *filed, NEW_GROUP, group["currency"], now)
    return {
        "login": login,
        "server": NEW_SERVER,
        "platform": group["platform"],
        "status": READONLY,
        "group_name": NEW_GROUP,
        "currency": group["currency"],
        "balance": Decimal(0),
    }


def _account(row: Any) -> dict[str, Any]:
    """The account, with the names of the JSON. The page's table has "Account Login" and "Data Source"."""
    return {
        "AccountLogin": int(row["login"]),
        "DataSource": row["server"],
        "Platform": row["platform"],
        "Status": row["status"],
        "Group": row["group_name"],
        "Currency": row["currency"],
        "Balance": money(row["balance"]),
    }
