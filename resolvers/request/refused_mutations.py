"""Mutations are allowed all or none, before the first one runs: a later refusal must not hide an earlier outcome."""

from collections.abc import Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
)

from resolvers.policy.authorization import INTROSPECTION
from resolvers.policy.errors import Forbidden
from resolvers.request.documents import Document, is_mutation


def refused_whole(
    operation: OperationDefinitionNode, document: Document, forbidden: Mapping[str, tuple[str, ...]]
) -> list[GraphQLError]:
    """One located FORBIDDEN for each root field because of which nothing of the operation may run: a mutation that is
    forbidden, and introspection, which has no resolver of ours to refuse it.
    """
    prefix = "Mutation" if is_mutation(operation) else "Query"
    errors = []
    for node in _fields(operation.selection_set, document.facts.fragments):
        coordinate = f"{prefix}.{node.name.value}"
        if coordinate in forbidden and (is_mutation(operation) or coordinate in INTROSPECTION):
            inner = Forbidden(coordinate, forbidden[coordinate])
            key = (node.alias or node.name).value
            errors.append(GraphQLError(inner.message, nodes=node, path=[key], extensions=inner.extensions))
    return errors


def _fields(selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Iterator[FieldNode]:
    for node in selections.selections:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, FragmentSpreadNode):
            yield from _fields(fragments[node.name.value].selection_set, fragments)
        else:
            yield from _fields(node.selection_set, fragments)  # type: ignore[attr-defined]  # an inline fragment
