"""The v2 envelope {data, error, meta}. Every business answer has HTTP 200 [D, C-spec]."""

import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import Response

from sandbox.vendors.answers import encode

ERROR_CODES: Final = frozenset(
    (
        *("NoConnect", "Validation", "MT4Error", "Forbidden", "NotFound"),
        *("MT5Error", "Timeout", "OutcomeUnknown", "Busy", "Internal"),
    )
)
OUTCOMES: Final = {"Timeout": "timeout", "Busy": "not-started", "OutcomeUnknown": "unknown"}
"""The X-Request-Outcome of each error.code that has one [D, C-py]."""


class BusinessError(Exception):
    """A refusal in the envelope. `outcome` is the X-Request-Outcome if it differs from the usual outcome of the
    code.
    """

    def __init__(self, code: str, message: str, manager_code: str | None = None, *, outcome: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.manager_code = manager_code
        self.outcome = outcome or OUTCOMES.get(code)


def mt4_error(manager_code: str, message: str) -> BusinessError:
    return BusinessError("MT4Error", message, manager_code)


def error_of_fault(code: str) -> BusinessError:
    """The error of a fault. Its code is an error.code, or a managerCode of MT4Error."""
    if code in ERROR_CODES:
        return BusinessError(code, f"{code}.")
    return mt4_error(code, f"The trade server answered {code}.")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One v2 answer. The answer is a text, so that a repeat with the same key gets the same bytes."""

    text: str
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, applied_timeout: str) -> Response:
        headers = self.headers | {"X-Request-Timeout-Applied": applied_timeout}
        return Response(self.text, headers=headers, media_type="application/json")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, and the token of the next page."""

    items: list[Any]
    next_cursor: str | None


def success(data: Any) -> Envelope:
    if isinstance(data, Page):
        return Envelope(
            _text(data.items, None, {"nextCursor": data.next_cursor, "hasMore": data.next_cursor is not None})
        )
    return Envelope(_text(data, None))


def failure(error: BusinessError) -> Envelope:
    body = {"code": error.code, "managerCode": error.manager_code, "message": error.message}
    headers = {} if error.outcome is None else {"X-Request-Outcome": error.outcome}
    return Envelope(_text(None, body), headers)


def _text(data: Any, error: Any, paging: Any = None) -> str:
    """The text of an envelope. `meta.activityId` has the form of a W3C trace id, for questions to the support."""
    meta = {"activityId": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"}
    return encode({"data": data, "error": error, "meta": meta | ({"paging": paging} if paging else {})}).decode()
