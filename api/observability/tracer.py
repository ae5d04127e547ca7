"""The begin of a trace. Unlike api/observability/tracing.py, this module needs no extra."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from api.observability.slow import logged_name
from resolvers.request.graphql_request import GraphQLRequest

if TYPE_CHECKING:
    from api.observability.tracing import OperationTrace, Tracing


def begin(
    tracing: "Tracing | None",
    request: GraphQLRequest,
    kind_of: Callable[[GraphQLRequest], str | None],
    traceparent: str = "",
) -> "OperationTrace | None":
    """The trace of this operation, if traces are on and it is traced."""
    trace = None if tracing is None else tracing.begin(traceparent)
    if trace is not None:
        trace.describe(kind_of(request), logged_name(request.operation_name))
    return trace
