"""The statuses of the ERP and of the website. The code uses only their numbers, because their texts are localised."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import strawberry

from resolvers.fields.declare import field
from resolvers.fields.rendering import Declaration, coded, coded_text, column, sql
from resolvers.policy.authorization import VALUE, public
from resolvers.policy.enums import ErpStatusCode, WebStatusCode, code_of
from upstreams.erp.rows import bad_value

ERP_TEXTS = {
    ErpStatusCode.NEW: "New",
    ErpStatusCode.FOLLOW_UP: "Follow up",
    ErpStatusCode.FOLLOW_UP_MEETING: "Follow up + Meeting / P.Offer",
    ErpStatusCode.NOT_INTERESTED: "Client Not Interested",
    ErpStatusCode.APPROVED: "Approved Client",
    ErpStatusCode.REAL: "Real Client",
    ErpStatusCode.INACTIVE: "InActive / Suspended",
    ErpStatusCode.UNRECOGNISED: "Unrecognised",
}
WEB_TEXTS = {
    WebStatusCode.BLOCKED: "Blocked",
    WebStatusCode.PENDING_APPROVAL: "Pending Approval",
    WebStatusCode.APPROVED: "Approved",
    WebStatusCode.ON_HOLD: "On Hold (Readonly)",
    WebStatusCode.UNRECOGNISED: "Unrecognised",
}
# The vendor documents the permissions of Blocked, Approved and On Hold. Every other status permits nothing.
SIGN_IN = (WebStatusCode.APPROVED, WebStatusCode.ON_HOLD)
TRANSACT = (WebStatusCode.APPROVED,)


def _one_of(codes: Sequence[Enum]) -> Declaration:
    return column(lambda status: sql.is_one_of(status, [code.value for code in codes]), "web_status")


@public(VALUE)
@strawberry.type(description="The status of a client in the ERP.")
class ErpStatus:
    code: ErpStatusCode = field("The status by name.", column(coded(ErpStatusCode.UNRECOGNISED), "erp_status"))
    raw_code: int = field("The ERP's own number.", column(sql.number, "erp_status"))
    text: str = field(
        "The ERP's text, in its language; decide on the code instead.",
        column(coded_text(ERP_TEXTS, ErpStatusCode.UNRECOGNISED), "erp_status_text", "erp_status"),
    )


@public(VALUE)
@strawberry.type(description="A client's status and permissions on the website.")
class WebStatus:
    code: WebStatusCode = field("The status by name.", column(coded(WebStatusCode.UNRECOGNISED), "web_status"))
    raw_code: int = field("The ERP's own number.", column(sql.number, "web_status"))
    text: str = field(
        "The ERP's text, in its language; decide on the code instead.",
        column(coded_text(WEB_TEXTS, WebStatusCode.UNRECOGNISED), "web_status_text", "web_status"),
    )
    can_sign_in: bool = field(
        "Whether the client may sign in. The statuses Approved and On Hold allow it.", _one_of(SIGN_IN)
    )
    can_transact: bool = field(
        "Whether the client may trade and move money. Only the status Approved allows it.", _one_of(TRANSACT)
    )


def _known(number: int | None, view: str, column: str) -> Any:
    """The number. Null has no number, but an error in its place."""
    return bad_value(view, column) if number is None else number


def erp_status(number: int | None, text: str | None) -> ErpStatus:
    code = code_of(ErpStatusCode, number, ErpStatusCode.UNRECOGNISED)
    return ErpStatus(code=code, raw_code=_known(number, "client", "erp_status"), text=text or ERP_TEXTS[code])


def web_status(number: int | None, text: str | None) -> WebStatus:
    code = code_of(WebStatusCode, number, WebStatusCode.UNRECOGNISED)
    return WebStatus(
        code=code,
        raw_code=_known(number, "web_status", "web_status"),
        text=text or WEB_TEXTS[code],
        can_sign_in=code in SIGN_IN,
        can_transact=code in TRANSACT,
    )
