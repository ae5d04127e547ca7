"""The refusals of Broctagon's CRM, by status and type [D, B-introduction; seed 002]."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from core.errors import Reason, UpstreamError
from upstreams.http.failures import Failures
from upstreams.http.transport import HttpAnswer

# 400 has a type, 403 is access denied, 404 is not found, and success is 200, 201 or 204 [D, B-introduction].
SUCCESSES = frozenset({200, 201, 204})
DOCUMENTED_STATUSES = SUCCESSES | {400, 403, 404}

REFUSAL_TYPES: Mapping[str, tuple[Reason, str]] = {
    "trading_account_limit_exceeded": (Reason.ACCOUNT_LIMIT_REACHED, "The client has as many accounts as allowed."),
    "pending_requests_exist": (Reason.REQUEST_ALREADY_PENDING, "A request on this connection is waiting already."),
    # The vendor's spelling, and the correct one, which the vendor may change to.
    "servce_is_demo": (Reason.DEMO_CONNECTION_NOT_ALLOWED, "The connection is a demo server."),
    "service_is_demo": (Reason.DEMO_CONNECTION_NOT_ALLOWED, "The connection is a demo server."),
    "mt4_connection_not_found": (Reason.CONNECTION_NOT_FOUND, "The CRM does not know this connection."),
    "mt5_connection_not_found": (Reason.CONNECTION_NOT_FOUND, "The CRM does not know this connection."),
    "trade_connection_not_found": (Reason.CONNECTION_NOT_FOUND, "The CRM does not know this connection."),
    "invalid_account_type": (Reason.INVALID_ACCOUNT_TYPE, "The account type does not exist on this connection."),
    "mt4_account_not_found": (Reason.NOT_FOUND, "The CRM does not know this account."),
    "insufficient_funds": (Reason.INSUFFICIENT_FUNDS, "There are not enough funds."),
}


def refusal_of(answer: HttpAnswer, failures: Failures) -> UpstreamError:
    """The error of a documented refusal. Every refusal is final, and nothing was done."""
    if answer.status == HTTPStatus.FORBIDDEN:
        return failures.credentials("403", "our key or its signature is refused")
    kind = find_refusal_type(answer.body)
    if kind is not None:
        reason, message = REFUSAL_TYPES[kind]
        return failures.rejected(reason, message, upstream_code=kind)
    if answer.status == HTTPStatus.NOT_FOUND:
        return failures.rejected(Reason.NOT_FOUND, "The CRM does not know it.", upstream_code="404")
    return failures.refused(str(answer.status))


def find_refusal_type(body: bytes) -> str | None:
    """The known type in the body of a 400.

    The shape of the body is documented only as "told apart by a type" [I]. The type is searched under the likely names,
    and then in the whole text, where the longest match counts.
    """
    try:
        fields = msgspec.json.decode(body)
    except msgspec.DecodeError:
        fields = None
    if isinstance(fields, dict):
        for name in ("type", "error", "message"):
            value = fields.get(name)
            if isinstance(value, str) and value.strip().lower() in REFUSAL_TYPES:
                return value.strip().lower()
    spelt = body[:4096].decode("utf-8", "replace").lower()
    return max((kind for kind in REFUSAL_TYPES if kind in spelt), key=len, default=None)
