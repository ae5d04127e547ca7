"""Every `extensions.code` that can stand in `errors`, and what it means; docs/errors.md shows the same to callers.

A test compares the three: this table, that page, and what the code uses.
"""

from collections.abc import Mapping
from typing import Final

from core.errors import Reason

_OWN: Final = {
    "BAD_REQUEST": "the HTTP request is not a GraphQL request",
    "UNSUPPORTED_MEDIA_TYPE": "the body is not application/json",
    "NOT_ACCEPTABLE": "the Accept header takes none of our media types",
    "PAYLOAD_TOO_LARGE": "the body, the variables or the document are larger than the settings allow",
    "UNAUTHENTICATED": "no API key or token, or none that is valid",
    "GRAPHQL_PARSE_FAILED": "the document is not GraphQL",
    "GRAPHQL_VALIDATION_FAILED": "the document does not fit the schema",
    "UNKNOWN_DOCUMENT": "there is no document with this id for this caller",
    "DOCUMENT_NOT_TRUSTED": "only agreed documents run for this caller, and this is none of them",
    "PERSISTED_QUERY_NOT_FOUND": "Apollo: send the text with its hash once",
    "PERSISTED_QUERY_NOT_SUPPORTED": "Apollo: send the text; hashes are not learnt here",
    "BUDGET_EXCEEDED": "the caller has not enough of its budget left",
    "OVERLOADED": "the server has more to do than it can",
    "BAD_USER_INPUT": "an argument or variable cannot be",
    "FORBIDDEN": "the caller lacks scopes; the rest of the answer stays",
    "UPSTREAM_MISUNDERSTOOD": "the upstream answered with something that cannot be read",
    "DEADLINE_EXCEEDED": "the whole answer was not ready in time",
    "INTERNAL_ERROR": "our fault",
}
_UPSTREAMS: Final = {
    Reason.VALIDATION_FAILED: "the upstream does not accept the value",
    Reason.NOT_FOUND: "the upstream does not know what it was asked for",
    Reason.CLIENT_RESTRICTED: "the client's standing at the upstream does not allow it",
    Reason.ACCOUNT_LIMIT_REACHED: "the client has as many accounts as the upstream allows",
    Reason.REQUEST_ALREADY_PENDING: "a request of the same kind waits for approval",
    Reason.DEMO_CONNECTION_NOT_ALLOWED: "the connection leads to a demo server",
    Reason.CONNECTION_NOT_FOUND: "the upstream does not know the connection",
    Reason.INVALID_ACCOUNT_TYPE: "the account type does not exist on the connection",
    Reason.CREDENTIALS_REJECTED: "the upstream does not accept the credentials",
    Reason.ACCOUNT_DISABLED: "the account is disabled or may not trade",
    Reason.INSUFFICIENT_FUNDS: "there is not enough money",
    Reason.NOT_SUPPORTED: "the upstream documents no way to answer this",
    Reason.LIMIT_EXCEEDED: "the operation asks for more than one operation may",
    Reason.UPSTREAM_UNAVAILABLE: "the upstream did not answer in time or cannot be reached",
    Reason.UPSTREAM_REFUSED: "the upstream refused",
    Reason.RATE_LIMITED: "the upstream takes no more calls for now",
}

CODES: Final[Mapping[str, str]] = {**_OWN, **{str(reason): meaning for reason, meaning in _UPSTREAMS.items()}}
