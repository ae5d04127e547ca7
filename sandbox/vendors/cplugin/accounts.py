"""UserRecordNew and UserPasswordSet: an account is made in two steps and cannot be used after the first [D, C-py]."""

from datetime import datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.vendors.answers import decode
from sandbox.vendors.cplugin.desk import Visit
from sandbox.vendors.cplugin.envelope import BusinessError, Envelope, mt4_error, success
from sandbox.vendors.cplugin.keys import Operation
from sandbox.vendors.cplugin.rows import ENABLED, READ_ONLY, mt4_user
from sandbox.vendors.cplugin.trades import MAX_LOGIN, fields_of
from sandbox.vendors.ledger import cut
from sandbox.vendors.logins import next_login
from sandbox.vendors.state import Connection

MIN_PASSWORD, MAX_PASSWORD = 5, 15
"""The length of an MT4 password: 5 to 15 characters [D, B-api create pages]."""

# The group's currency and leverage.
_GROUP = "SELECT currency, leverage FROM platform.account_group WHERE server = $1 AND name = $2"
# The client of the ERP with the e-mail address and name of the form.
_CLIENT = "SELECT client_number FROM hyper.clients WHERE lower(client_full_name) = lower($1) AND email = $2 LIMIT 1"
# Insert the account, without a password. No row is returned if the login is taken.
_CREATE = """
    INSERT INTO platform.account (server, login, client_number, name, email, group_name, currency, leverage, enabled,
        read_only, send_reports, has_password, lead_source, comment, external_id, registered_local)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, false, $12, $13, $14, $15)
    ON CONFLICT (server, login) DO NOTHING RETURNING *
"""
# Store the digest of the password. The investor's password is not stored, because it is not used here.
_PUT_DIGEST = """
    UPDATE platform.account SET has_password = true, password_sha256 = $3 WHERE server = $1 AND login = $2
    RETURNING true
"""
_HAS_ACCOUNT = "SELECT true FROM platform.account WHERE server = $1 AND login = $2"


def prepare_new(visit: Visit, body: bytes) -> Operation:
    fields = fields_of(body)
    check_new(fields)

    async def operation(connection: Connection) -> Envelope:
        return success(await create(connection, visit, fields))

    return operation


def check_new(fields: dict[str, Any]) -> None:
    for name in ("login", "leverage", "enableflags", "sendreports"):
        value = fields.get(name) or 0
        if not isinstance(value, int) or not 0 <= value <= MAX_LOGIN:
            raise BusinessError("Validation", f"{name} is out of range.")
    for name in ("group", "name", "email", "comment", "externalid", "leadsource"):
        value = fields.get(name)
        if value is not None and (not isinstance(value, str) or "\0" in value):
            raise BusinessError("Validation", f"{name} is no text.")


async def create(connection: Connection, visit: Visit, fields: dict[str, Any]) -> dict[str, Any]:
    """Check a new account. Group and name are enough, because MT4 fills in the other fields [seed 003]."""
    group_name = fields.get("group") or ""
    group = await connection.fetchrow(_GROUP, visit.server, group_name)
    if group is None or not fields.get("name"):
        raise mt4_error("InvalidData", "Invalid group or name.")
    login = fields.get("login") or await next_login(connection, visit.server)
    row = await connection.fetchrow(_CREATE, visit.server, login, *await _columns(connection, visit, fields, group))
    if row is None:
        raise mt4_error("Error", "The login is taken.")
    return mt4_user(row, visit.timezone)


async def _columns(connection: Connection, visit: Visit, fields: dict[str, Any], group: Any) -> tuple[Any, ...]:
    flags = fields.get("enableflags") or ENABLED
    local: datetime = visit.state.clock.now().astimezone(ZoneInfo(visit.timezone)).replace(tzinfo=None, microsecond=0)
    return (
        await _client_of(connection, fields),
        fields["name"],
        fields.get("email") or "",
        fields["group"],
        group["currency"],
        fields.get("leverage") or group["leverage"],
        bool(flags & ENABLED),
        bool(flags & READ_ONLY),
        bool(fields.get("sendreports")),
        fields.get("leadsource") or "",
        cut(fields.get("comment") or ""),
        fields.get("externalid") or "",
        local,
    )


async def _client_of(connection: Connection, fields: dict[str, Any]) -> int | None:
    """The ERP's client of the account: by the external id, or else by name and e-mail address [I]."""
    external = fields.get("externalid") or ""
    if external.isascii() and external.isdigit() and int(external) <= MAX_LOGIN:
        return int(external)
    found: int | None = await connection.fetchval(_CLIENT, fields["name"], fields.get("email") or "")
    return found


def prepare_password(visit: Visit, body: bytes) -> Operation:
    """Prepare a new password. The body is a JSON string. changeInvestor=true sets the read-only password instead."""
    login = visit.login()
    password = _password(body)
    investor = visit.request.query_params.get("changeInvestor", "false").lower() == "true"

    async def operation(connection: Connection) -> Envelope:
        if investor:
            found = await connection.fetchval(_HAS_ACCOUNT, visit.server, login)
        else:
            found = await connection.fetchval(_PUT_DIGEST, visit.server, login, sha256(password.encode()).digest())
        if not found:
            raise BusinessError("NotFound", "The account was not found.")
        return success(True)

    return operation


def _password(body: bytes) -> str:
    password = decode(body)
    if not isinstance(password, str):
        raise BusinessError("Validation", "The body is not a JSON string.")
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise BusinessError("Validation", "The password must have 5 to 15 characters.")
    return password
