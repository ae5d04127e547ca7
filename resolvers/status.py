"""Statuses as the ERP and the website number them. Decisions rest on the numbers; the texts are localised."""

import strawberry

from resolvers.enums import ErpStatusCode, WebStatusCode, code_of

_ERP_TEXTS = {
    ErpStatusCode.NEW: "New",
    ErpStatusCode.FOLLOW_UP: "Follow up",
    ErpStatusCode.FOLLOW_UP_MEETING: "Follow up + Meeting / P.Offer",
    ErpStatusCode.NOT_INTERESTED: "Client Not Interested",
    ErpStatusCode.APPROVED: "Approved Client",
    ErpStatusCode.REAL: "Real Client",
    ErpStatusCode.INACTIVE: "InActive / Suspended",
    ErpStatusCode.UNRECOGNISED: "Unrecognised",
}
_WEB_TEXTS = {
    WebStatusCode.BLOCKED: "Blocked",
    WebStatusCode.PENDING_APPROVAL: "Pending Approval",
    WebStatusCode.APPROVED: "Approved",
    WebStatusCode.ON_HOLD: "On Hold (Readonly)",
    WebStatusCode.UNRECOGNISED: "Unrecognised",
}


@strawberry.type(description="How the ERP handles a client.")
class ErpStatus:
    code: ErpStatusCode = strawberry.field(description="The status by name.")
    raw_code: int = strawberry.field(description="The ERP's own number.")
    text: str = strawberry.field(description="The ERP's text, in its language; decide on the code instead.")


@strawberry.type(description="What the website lets a client do.")
class WebStatus:
    code: WebStatusCode = strawberry.field(description="The status by name.")
    raw_code: int = strawberry.field(description="The ERP's own number.")
    text: str = strawberry.field(description="The ERP's text, in its language; decide on the code instead.")
    can_sign_in: bool = strawberry.field(description="Whether the client may sign in: Approved and On Hold may.")
    can_transact: bool = strawberry.field(description="Whether the client may act: only Approved may.")


def erp_status(number: int, text: str | None) -> ErpStatus:
    code = code_of(ErpStatusCode, number, ErpStatusCode.UNRECOGNISED)
    return ErpStatus(code=code, raw_code=number, text=text or _ERP_TEXTS[code])


def web_status(number: int, text: str | None) -> WebStatus:
    """What a web status permits is said for Blocked, Approved and On Hold; whatever is not said is not permitted."""
    code = code_of(WebStatusCode, number, WebStatusCode.UNRECOGNISED)
    return WebStatus(
        code=code,
        raw_code=number,
        text=text or _WEB_TEXTS[code],
        can_sign_in=code in (WebStatusCode.APPROVED, WebStatusCode.ON_HOLD),
        can_transact=code is WebStatusCode.APPROVED,
    )
