"""POST /public/v1/requests/account: a request to open an account, with the page's rules and errors [D, seed 002]."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from sandbox.vendors.answers import encode, json_answer
from sandbox.vendors.broctagon.door import CrmRefusal, invalid, text_of
from sandbox.vendors.state import Connection, VendorState

MAX_LEVERAGE: Final = 5000
MIN_LEVERAGE: Final[dict[str, Decimal]] = {
    "mt4": Decimal(1),
    "mt5": Decimal(1),
    "ctrader": Decimal(1),
    "fortex": Decimal("0.01"),
}
REQUIRED_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "mt4": (),
    "mt5": (),
    "mtr": ("offer_uuid",),
    "wta": ("group",),
    "ctrader": ("group", "currency"),
    "fortex": ("group", "currency", "fortex_username"),
}
WITHOUT_ACCOUNT_TYPE: Final = frozenset({"mtr", "wta"})
CONNECTION_NOT_FOUND: Final = {"mt4": "mt4_connection_not_found", "mt5": "mt5_connection_not_found"}
OTHER_CONNECTION_NOT_FOUND: Final = "trade_connection_not_found"
"""The error of wta, ctrader and fortex. No error is documented for mtr, which gets the same error [I]."""

_USER = "SELECT true FROM crm.user_account WHERE id = $1"
_CONNECTION = "SELECT is_demo, account_limit, server FROM crm.connection WHERE id = $1 AND platform = $2"
_ACCOUNT_TYPE = "SELECT true FROM crm.account_type WHERE id = $1 AND connection_id = $2"
# Requests of a user on a connection run one after another. Otherwise two requests could both find no pending request.
_LOCK = "SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))"
_PENDING = """
    SELECT true FROM crm.account_request WHERE user_id = $1 AND connection_id = $2 AND status = 'pending' LIMIT 1
"""
# The user's accounts on the connection, and accounts that were approved by requests.
_ACCOUNTS = """
    SELECT (SELECT count(*) FROM platform.account WHERE crm_user_id = $1 AND server = $3)
        + (SELECT count(*) FROM crm.account_request
           WHERE user_id = $1 AND connection_id = $2 AND status = 'approved' AND $3::text IS NULL)
"""
_KEEP = "INSERT INTO crm.account_request (user_id, platform, connection_id, body) VALUES ($1, $2, $3, $4::jsonb)"


@dataclass(frozen=True, slots=True)
class AccountRequest:
    user_id: str
    platform: str
    connection_id: str
    account_type_id: str


async def open_account(state: VendorState, _request: Request, fields: dict[str, Any]) -> Response:
    """Store an account request. The answer is an empty object, because no request id is documented."""
    request = _checked(fields)
    async with state.pool.acquire() as connection, connection.transaction():
        await connection.execute(_LOCK, request.user_id, request.connection_id)
        await _refuse(connection, request)
        body = encode(fields).decode()
        await connection.execute(_KEEP, request.user_id, request.platform, request.connection_id, body)
    return json_answer({})


def _checked(fields: dict[str, Any]) -> AccountRequest:
    """Check the rules that need no database. Fields of other platforms are not refused."""
    platform = text_of(fields, "platform").lower()
    if platform not in REQUIRED_TEXTS:
        raise invalid(f"platform must be one of: {', '.join(REQUIRED_TEXTS)}")
    account_type = text_of(fields, "account_type_id", empty=True)
    if account_type and platform in WITHOUT_ACCOUNT_TYPE:
        raise invalid(f"account_type_id is not allowed for {platform}")
    for name in REQUIRED_TEXTS[platform]:
        text_of(fields, name)
    if platform in MIN_LEVERAGE:
        _check_leverage(fields.get("leverage"), MIN_LEVERAGE[platform])
    return AccountRequest(text_of(fields, "user_id"), platform, text_of(fields, "connection_id"), account_type)


def _check_leverage(leverage: Any, least: Decimal) -> None:
    if isinstance(leverage, bool) or not isinstance(leverage, int | Decimal) or not least <= leverage <= MAX_LEVERAGE:
        raise invalid(f"leverage must be from {least} to {MAX_LEVERAGE}")


async def _refuse(connection: Connection, request: AccountRequest) -> None:
    if not await connection.fetchval(_USER, request.user_id):
        raise CrmRefusal("user_not_found", status=404)
    found = await connection.fetchrow(_CONNECTION, request.connection_id, request.platform)
    if found is None:
        raise CrmRefusal(CONNECTION_NOT_FOUND.get(request.platform, OTHER_CONNECTION_NOT_FOUND))
    if found["is_demo"]:
        # The spelling is the vendor's.
        raise CrmRefusal("servce_is_demo")
    if request.account_type_id and not await connection.fetchval(
        _ACCOUNT_TYPE, request.account_type_id, request.connection_id
    ):
        raise CrmRefusal("invalid_account_type")
    if await connection.fetchval(_PENDING, request.user_id, request.connection_id):
        raise CrmRefusal("pending_requests_exist")
    accounts = await connection.fetchval(_ACCOUNTS, request.user_id, request.connection_id, found["server"])
    if accounts >= found["account_limit"]:
        raise CrmRefusal("trading_account_limit_exceeded")
