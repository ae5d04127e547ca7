"""Mutations are allowed all or none, before the first one runs: a later refusal must not hide an earlier outcome."""

from collections.abc import Mapping

from graphql import GraphQLError

from resolvers.policy.authorization import INTROSPECTION
from resolvers.policy.errors import Forbidden
from resolvers.request.selection import Selector


def refused_whole(
    selector: Selector, forbidden: Mapping[str, tuple[str, ...]], *, mutation: bool
) -> list[GraphQLError]:
    """One located FORBIDDEN for each root field because of which nothing of the operation may run: a mutation that is
    forbidden, and introspection, which has no resolver of ours to refuse it.
    """
    prefix = "Mutation" if mutation else "Query"
    errors = []
    for key, (node, *_) in selector.root_fields().items():
        coordinate = f"{prefix}.{node.name.value}"
        if coordinate in forbidden and (mutation or coordinate in INTROSPECTION):
            inner = Forbidden(coordinate, forbidden[coordinate])
            errors.append(GraphQLError(inner.message, nodes=node, path=[key], extensions=inner.extensions))
    return errors
