"""The messages and close codes of the protocol graphql-transport-ws."""

from enum import IntEnum
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.types import Scope

from api.graphql.body import decoded_json
from api.http.refusal import RequestRefused

SUBPROTOCOL: Final = "graphql-transport-ws"
_LONGEST_ID: Final = 256
# RFC 6455 allows 123 bytes.
_LONGEST_REASON: Final = 120


class CloseCode(IntEnum):
    """The close codes of the protocol, and one of RFC 6455. A client connects again after all but 4400 to 4429."""

    FULL = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    BAD_SUBPROTOCOL = 4406
    INIT_TIMEOUT = 4408
    DUPLICATE_ID = 4409
    SECOND_INIT = 4429
    FAILED = 4500


class Closed(Exception):
    """This side closes the connection."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")


def read_message(event: dict[str, Any]) -> dict[str, Any]:
    """The message in a received frame. Raises Closed."""
    text = event.get("text")
    if text is None:
        raise Closed(CloseCode.BAD_REQUEST, "A message is a text with JSON.")
    try:
        message = decoded_json(text.encode(), "The message")
    except RequestRefused as error:
        raise Closed(CloseCode.BAD_REQUEST, error.message) from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise Closed(CloseCode.BAD_REQUEST, "A message is an object with a type.")
    return message


def id_of(message: dict[str, Any]) -> str:
    """The id of the operation. Raises Closed."""
    identity = message.get("id")
    if not isinstance(identity, str) or not 0 < len(identity) <= _LONGEST_ID:
        raise Closed(CloseCode.BAD_REQUEST, f"`id` is a text of at most {_LONGEST_ID} characters.")
    return identity


def authorization_of(payload: Any) -> str | None:
    """`Authorization` in the payload of connection_init, in any case, or in its member `headers`."""
    if not isinstance(payload, dict):
        return None
    inner = payload.get("headers")
    for holder in (payload, inner if isinstance(inner, dict) else {}):
        for name, value in holder.items():
            if name.lower() == "authorization" and isinstance(value, str):
                return value
    return None


def traceparent_of(payload: dict[str, Any]) -> str:
    """`extensions.traceparent` in the payload of subscribe. It counts more than the header of the handshake."""
    extensions = payload.get("extensions")
    found = extensions.get("traceparent") if isinstance(extensions, dict) else None
    return found if isinstance(found, str) else ""


def is_allowed_origin(scope: Scope, allowed: tuple[str, ...]) -> bool:
    """Whether the page that connects is of this server or of an allowed origin. A program sends no origin."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin-1")
    return not origin or origin in allowed or urlsplit(origin).netloc == headers.get(b"host", b"").decode("latin-1")
