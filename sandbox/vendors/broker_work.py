"""Leanwork's Broker Work: account/info with all its peculiarities [D, seed 004, L-bw].

Rows are in another order than in the request, and missing ids have no row. A failure is HTTP 200 with `result` false.
"""

import hmac
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.settings import BROKER_WORK_TENANT, BROKER_WORK_TOKEN
from sandbox.vendors.answers import json_answer
from sandbox.vendors.state import VendorState

SUCCESS = "m0000000"
"""The text of the vendor's page has "m00000", but its sample has seven zeros. The fault "patch" gives the other
form.
"""

TOKEN_EMPTY = "BW_API_0000001"  # noqa: S105 - an error code
INVALID_TENANT = "BW_API_0000003"
INVALID_PARAM = "BW_INVALID_PARAM"
INVALID_SERVER = "BW_INVALID_SERVERID"

# The trading server behind a serverId.
_SERVER = "SELECT name FROM platform.server WHERE face = 'broker_work' AND vendor_id = $1"
# The requested accounts by login.
_ACCOUNTS = """
    SELECT login, currency, enabled, read_only, send_reports, group_name, lead_source, leverage, registered_local,
           max_leverage, french_risk, account_type, total_margin_calculation, swap_free, client_number
    FROM platform.account WHERE server = $1 AND login = ANY($2::bigint[]) ORDER BY login
"""
_MAX_LOGIN = 2**63 - 1
ODD_TYPES = 7
"""The table and the sample of the vendor's page differ. One login in seven has its leverage as text, another login its
owner.
"""


def build(state: VendorState) -> Starlette:
    async def account_info(request: Request) -> Response:
        refused = _refusal(request)
        if refused is not None:
            return _failure(refused)
        logins = _logins(request.query_params.get("accountId", ""))
        if logins is None or "serverId" not in request.query_params:
            return _failure(INVALID_PARAM)
        # No server has a NUL in its name, and PostgreSQL cannot store a NUL.
        server = await state.pool.fetchval(_SERVER, request.query_params["serverId"].replace("\0", "?"))
        if server is None:
            return _failure(INVALID_SERVER)
        rows = await state.pool.fetch(_ACCOUNTS, server, logins)
        return json_answer(
            {"data": _disordered([_account(row) for row in rows], logins), "mcode": SUCCESS, "result": True}
        )

    return Starlette(routes=[Route("/v1/api/account/info", account_info, methods=["GET"])])


def _refusal(request: Request) -> str | None:
    token = request.headers.get("x-api-token", "")
    if not hmac.compare_digest(token.encode(), BROKER_WORK_TOKEN.encode()):
        return TOKEN_EMPTY
    return None if request.headers.get("x-api-tenantId") == BROKER_WORK_TENANT else INVALID_TENANT


def _failure(mcode: str) -> Response:
    return json_answer({"mcode": mcode, "errorMessage": "", "result": False})


def _logins(text: str) -> list[int] | None:
    """The logins of the comma-separated list; None if the text is not a list of logins."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) <= _MAX_LOGIN for part in parts):
        return None
    return [int(part) for part in parts]


def _account(row: Any) -> dict[str, Any]:
    """One account, with its fields in the order of the sample."""
    leverage = int(row["leverage"])
    lead_source = row["lead_source"]
    account = {
        "accountType": row["account_type"],
        "currency": row["currency"],
        "enable": int(row["enabled"]),
        "frenchRisk": row["french_risk"],
        "group": row["group_name"],
        "leadSource": int(lead_source) if lead_source.isdigit() else lead_source,
        "leverage": str(leverage) if row["login"] % ODD_TYPES == 0 else leverage,
        "login": str(row["login"]),
        "maxLeverage": int(row["max_leverage"]),
        "readOnly": int(row["read_only"]),
        "regdate": row["registered_local"].strftime("%Y-%m-%d %H:%M:%S"),
        "sendReports": int(row["send_reports"]),
        "swapFree": row["swap_free"],
        "totalMarginCalculationType": row["total_margin_calculation"],
    }
    if row["login"] % ODD_TYPES == 1 and row["client_number"] is not None:
        account["oweId"] = str(row["client_number"])
    return account


def _disordered(accounts: list[dict[str, Any]], asked: list[int]) -> list[dict[str, Any]]:
    """The rows in the order of logins, as in the sample, or in the reverse order if the request has the order of
    logins.
    """
    found = [int(account["login"]) for account in accounts]
    known = set(found)
    if found == [login for login in dict.fromkeys(asked) if login in known]:
        accounts.reverse()
    return accounts
