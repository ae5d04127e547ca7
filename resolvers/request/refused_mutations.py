"""Mutations of one operation are allowed all or none, before the first mutation runs. A later refusal would hide the
outcome of an earlier mutation. A forbidden subscription does not begin.
"""

from collections.abc import Mapping

from graphql import GraphQLError, OperationType

from resolvers.policy.authorization import INTROSPECTION
from resolvers.policy.errors import Forbidden
from resolvers.request.selection import Selector


def refused_whole(
    selector: Selector, forbidden: Mapping[str, tuple[str, ...]], kind: OperationType
) -> list[GraphQLError]:
    """One located FORBIDDEN for each root field that prevents the whole operation: a forbidden mutation or
    subscription, and forbidden introspection, because introspection has no resolver that could refuse it.
    """
    errors = []
    for key, (node, *_) in selector.root_fields().items():
        coordinate = f"{kind.value.capitalize()}.{node.name.value}"
        if coordinate in forbidden and (kind is not OperationType.QUERY or coordinate in INTROSPECTION):
            inner = Forbidden(coordinate, forbidden[coordinate])
            errors.append(GraphQLError(inner.message, nodes=node, path=[key], extensions=inner.extensions))
    return errors
