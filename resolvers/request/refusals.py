"""Refusals of an operation: their errors, and the body of the answer."""

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError, VariableDefinitionNode

from core.call import Call
from resolvers.context import GraphLimits
from resolvers.policy.errors import LimitExceeded, present


def located(error: GraphQLError, definitions: Sequence[VariableDefinitionNode]) -> GraphQLError:
    """The error with its place, which strawberry's errors about input objects lack. The message names the variable and
    the place in its value, which the messages of the original errors do not.
    """
    cause, extensions = error.original_error, error.extensions
    while isinstance(cause, GraphQLError):
        extensions, cause = cause.extensions or extensions, cause.original_error
    return GraphQLError(error.message, error.nodes or list(definitions), original_error=cause, extensions=extensions)


def too_many_live(asked: int, limits: GraphLimits) -> GraphQLError:
    return LimitExceeded(
        f"Client.live costs a rate-limited call per client: at most {limits.live_clients_max} in one operation. This "
        f"operation may need {asked}. Select `balances` instead, or a smaller page."
    )


def refusal(errors: list[GraphQLError], call: Call, *, suggestions: bool = True) -> dict[str, Any]:
    return {"errors": [present(error, call.request_id, suggestions=suggestions) for error in errors]}
