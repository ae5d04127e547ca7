"""What goes wrong, as callers see it: a code to decide on, a place, and what to do. Everything else is masked."""

from collections.abc import Sequence
from typing import Any

import structlog
from graphql import GraphQLError, Node

from core.errors import Misunderstood, UpstreamError

log = structlog.get_logger(__name__)

# How graphql-core says that a resolver answered with what the field's type cannot be.
_UNFIT = " cannot represent "
_SUGGESTION = " Did you mean "
MASKED = "Something went wrong on our side. Nothing more can be said here; quote the request id when you ask."


class BadUserInput(GraphQLError):
    """The caller sent something that cannot be; the message says what would be right."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})


class LimitExceeded(GraphQLError):
    """The operation would cost more than one operation may."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        super().__init__(message, node, extensions={"code": "LIMIT_EXCEEDED"})


class Forbidden(GraphQLError):
    """The caller lacks a scope; the rest of the answer stays."""

    def __init__(self, field: str, missing: Sequence[str]) -> None:
        names = ", ".join(missing)
        message = f"{field} needs the scope {names}, which this caller does not hold."
        super().__init__(message, extensions={"code": "FORBIDDEN", "requiredScopes": list(missing)})


def upstream_extensions(error: UpstreamError) -> dict[str, Any]:
    """`code`, `system` and what else helps a caller to decide whether to try again."""
    code = "UPSTREAM_MISUNDERSTOOD" if isinstance(error, Misunderstood) else str(error.reason)
    facts = {
        "code": code,
        "system": str(error.system),
        "name": error.name or None,
        "upstreamCode": error.upstream_code,
        "retryAfterSeconds": error.retry_after_seconds,
    }
    return {key: value for key, value in facts.items() if value is not None}


def present(error: GraphQLError, request_id: str, *, suggestions: bool = True) -> dict[str, Any]:
    """The error as it goes on the wire. What we did not mean to say is logged whole and masked.

    Without `suggestions` a misspelt name is not answered with the right ones, with which messages of graphql-core end.
    """
    original = error.original_error
    while isinstance(original, GraphQLError):
        error, original = _outer(error, original), original.original_error
    message, extensions = error.message, dict(error.extensions or {})
    if isinstance(original, UpstreamError):
        message, extensions = original.message, upstream_extensions(original)
    elif original is not None or _is_ours(error):
        log.error("graphql.unexpected", request_id=request_id, path=error.path, exc_info=original or error)
        message, extensions = MASKED, {"code": "INTERNAL_ERROR", "requestId": request_id}
    shown: dict[str, Any] = {"message": message if suggestions else message.partition(_SUGGESTION)[0]}
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        shown["path"] = list(error.path)
    shown["extensions"] = extensions or {"code": "BAD_USER_INPUT"}
    return shown


def _is_ours(error: GraphQLError) -> bool:
    """Whether a value of ours does not fit the schema, of which graphql-core speaks as if the caller had sent it."""
    return error.path is not None and not error.extensions and _UNFIT in error.message


def _outer(located: GraphQLError, inner: GraphQLError) -> GraphQLError:
    return GraphQLError(
        inner.message,
        nodes=located.nodes or inner.nodes,
        path=located.path,
        extensions=inner.extensions,
        original_error=inner.original_error,
    )
