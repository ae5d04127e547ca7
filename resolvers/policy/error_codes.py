"""Every `extensions.code` of `errors`, with its meaning. docs/errors.md has the same table for callers.

A test compares this table, the page and the codes that are used.
"""

from collections.abc import Mapping
from typing import Final

from core.errors import Reason

_OWN: Final = {
    "BAD_REQUEST": "the HTTP request is not a GraphQL request",
    "UNSUPPORTED_MEDIA_TYPE": "the body is not application/json",
    "NOT_ACCEPTABLE": "the Accept header accepts none of our media types",
    "PAYLOAD_TOO_LARGE": "the body, the variables or the document are larger than the settings allow",
    "UNAUTHENTICATED": "no valid API key or token",
    "GRAPHQL_PARSE_FAILED": "the document is not GraphQL",
    "GRAPHQL_VALIDATION_FAILED": "the document is not valid for the schema",
    "UNKNOWN_DOCUMENT": "there is no document with this id for this caller",
    "DOCUMENT_NOT_TRUSTED": "only trusted documents run for this caller, and this document is not trusted",
    "PERSISTED_QUERY_NOT_FOUND": "Apollo: send the text with its hash once",
    "PERSISTED_QUERY_NOT_SUPPORTED": "Apollo: send the text; automatic persisted queries are off",
    "BUDGET_EXCEEDED": "the caller's remaining budget is too small",
    "OVERLOADED": "the server is overloaded",
    "BAD_USER_INPUT": "an argument or variable is not acceptable",
    "FORBIDDEN": "the caller lacks scopes; the rest of the answer stays",
    "UPSTREAM_MISUNDERSTOOD": "the answer of the upstream cannot be decoded",
    "STREAM_BEHIND": "the stream was read more slowly than events were made; continue after the cursor in the error",
    "STREAM_RESET": "the log no longer has the events after the cursor; read the list and subscribe again",
    "DEADLINE_EXCEEDED": "the whole answer was not ready in time",
    "INTERNAL_ERROR": "an error of the server",
}
_UPSTREAMS: Final = {
    Reason.VALIDATION_FAILED: "the upstream does not accept the value",
    Reason.NOT_FOUND: "the upstream does not know the client, account or other object of the call",
    Reason.CLIENT_RESTRICTED: "the client's standing at the upstream does not allow it",
    Reason.ACCOUNT_LIMIT_REACHED: "the client has as many accounts as the upstream allows",
    Reason.REQUEST_ALREADY_PENDING: "a request of the same kind waits for approval",
    Reason.DEMO_CONNECTION_NOT_ALLOWED: "the connection leads to a demo server",
    Reason.CONNECTION_NOT_FOUND: "the upstream does not know the connection",
    Reason.INVALID_ACCOUNT_TYPE: "the account type does not exist on the connection",
    Reason.CREDENTIALS_REJECTED: "the upstream does not accept the credentials",
    Reason.ACCOUNT_DISABLED: "the account is disabled or may not trade",
    Reason.INSUFFICIENT_FUNDS: "there is not enough money",
    Reason.NOT_SUPPORTED: "the upstream documents no call for this",
    Reason.LIMIT_EXCEEDED: "the operation exceeds a limit for one operation",
    Reason.UPSTREAM_UNAVAILABLE: "the upstream did not answer in time or cannot be reached",
    Reason.UPSTREAM_REFUSED: "the upstream refused",
    Reason.RATE_LIMITED: "the upstream takes no more calls for now",
    Reason.DECLINED: "another principal declined the command",
    Reason.APPROVAL_EXPIRED: "the command waited too long for an approval",
}

CODES: Final[Mapping[str, str]] = {**_OWN, **{str(reason): meaning for reason, meaning in _UPSTREAMS.items()}}
