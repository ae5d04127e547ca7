"""Errors of the graph: each has a message, a place and a code. All other errors are masked."""

from collections.abc import Sequence
from typing import Any

import structlog
from graphql import GraphQLError, Node

from core.errors import Misunderstood, UpstreamError

log = structlog.get_logger(__name__)

# A part of graphql-core's message for a resolver's value that does not fit the type of its field.
_UNFIT = " cannot represent "
_SUGGESTION = " Did you mean "
MASKED = "An internal error of the server. Quote the request id if you report it."


class BadUserInput(GraphQLError):
    """The caller sent an unacceptable value. The message describes the acceptable values."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})


class LimitExceeded(GraphQLError):
    """The operation exceeds a limit for one operation."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        super().__init__(message, node, extensions={"code": "LIMIT_EXCEEDED"})


class Forbidden(GraphQLError):
    """The caller lacks a scope; the rest of the answer stays."""

    def __init__(self, field: str, missing: Sequence[str]) -> None:
        names = ", ".join(missing)
        message = f"{field} needs the scope {names}, which this caller does not hold."
        super().__init__(message, extensions={"code": "FORBIDDEN", "requiredScopes": list(missing)})


def upstream_extensions(error: UpstreamError) -> dict[str, Any]:
    """`code`, `system` and further values by which a caller can decide about a repeat."""
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
    """The error as JSON. An unexpected error is logged completely and masked.

    Without `suggestions` the end of graphql-core's messages, which suggests names, is removed.
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
    """Whether a resolver's value does not fit the schema. graphql-core reports such a value like a mistake of the
    caller.
    """
    return error.path is not None and not error.extensions and _UNFIT in error.message


def _outer(located: GraphQLError, inner: GraphQLError) -> GraphQLError:
    return GraphQLError(
        inner.message,
        nodes=located.nodes or inner.nodes,
        path=located.path,
        extensions=inner.extensions,
        original_error=inner.original_error,
    )
