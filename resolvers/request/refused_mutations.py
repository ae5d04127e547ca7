"""Mutations of one operation are allowed all or none, before the first mutation runs. A later refusal would hide the
outcome of an earlier mutation.
"""

from collections.abc import Mapping

from graphql import GraphQLError

from resolvers.policy.authorization import INTROSPECTION
from resolvers.policy.errors import Forbidden
from resolvers.request.selection import Selector


def refused_whole(
    selector: Selector, forbidden: Mapping[str, tuple[str, ...]], *, mutation: bool
) -> list[GraphQLError]:
    """One located FORBIDDEN for each root field that prevents the whole operation: a forbidden mutation, and forbidden
    introspection, because introspection has no resolver that could refuse it.
    """
    prefix = "Mutation" if mutation else "Query"
    errors = []
    for key, (node, *_) in selector.root_fields().items():
        coordinate = f"{prefix}.{node.name.value}"
        if coordinate in forbidden and (mutation or coordinate in INTROSPECTION):
            inner = Forbidden(coordinate, forbidden[coordinate])
            errors.append(GraphQLError(inner.message, nodes=node, path=[key], extensions=inner.extensions))
    return errors
