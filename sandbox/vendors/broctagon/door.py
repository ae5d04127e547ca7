"""Broctagon's key and signature, and its refusals [D, B-api/authentication-v2.html, introduction.html].

Of the body of a 400 only a type is documented. `{"type", "message"}` is our assumption [I].
"""

import hmac
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from sandbox.settings import BROCTAGON_KEY
from sandbox.vendors.answers import BadBody, Handler, decode, json_answer
from sandbox.vendors.state import VendorState

VALIDATION: Final = "validation_error"
"""Our type for an error of the vendor's validator, because the vendor documents no type [I]."""
MAX_LIMIT: Final = 500


class CrmRefusal(Exception):
    def __init__(self, kind: str, message: str = "", status: int = 400) -> None:
        super().__init__(message or kind)
        self.kind = kind
        self.status = status


def invalid(message: str) -> CrmRefusal:
    return CrmRefusal(VALIDATION, message)


Act = Callable[[VendorState, Request, dict[str, Any]], Awaitable[Response]]


def handle_signed(state: VendorState, act: Act) -> Handler:
    """A handler that answers 403 for a wrong key or signature, and 400 with a type for an application error."""

    async def handle(request: Request) -> Response:
        body = await request.body()
        if not _is_ours(request, body):
            return json_answer({"type": "access_denied", "message": "Access denied"}, 403)
        try:
            return await act(state, request, _fields(body))
        except CrmRefusal as refusal:
            return json_answer({"type": refusal.kind, "message": str(refusal)}, refusal.status)

    return handle


def _is_ours(request: Request, body: bytes) -> bool:
    key = request.headers.get("key", "")
    if not hmac.compare_digest(key.encode(), BROCTAGON_KEY.encode()):
        return False
    if not body:
        return True
    signed = "sha256=" + hmac.new(BROCTAGON_KEY.encode(), body, sha256).hexdigest()
    return hmac.compare_digest(request.headers.get("signature", "").encode(), signed.encode())


def _fields(body: bytes) -> dict[str, Any]:
    try:
        content = decode(body) if body else {}
    except BadBody as error:
        raise invalid(str(error)) from error
    if not isinstance(content, dict):
        raise invalid("The body must be an object.")
    return content


def text_of(fields: dict[str, Any], name: str, *, empty: bool = False) -> str:
    value = fields.get(name, "" if empty else None)
    if not isinstance(value, str) or not (value or empty) or "\0" in value:
        raise invalid(f"{name} is required")
    return value


def page_of(fields: dict[str, Any], *, limit: int | None, skip: int | None) -> tuple[int, int]:
    """`skip` and `limit` of the request. A default of None means that the field is mandatory."""
    return _number(fields, "skip", skip, 2**31 - 1), _number(fields, "limit", limit, MAX_LIMIT)


def _number(fields: dict[str, Any], name: str, default: int | None, most: int) -> int:
    text = str(fields.get(name, "" if default is None else default))
    if not (text.isascii() and text.isdigit() and int(text) <= most):
        raise invalid(f"{name} must be from 0 to {most}")
    return int(text)
