"""Mutations are allowed all or none, before the first one runs: a later refusal must not hide an earlier outcome."""

from collections.abc import Iterator

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
)

from resolvers.context import Caller
from resolvers.directives import RequiresScopes
from resolvers.documents import Document, is_mutation
from resolvers.errors import Forbidden


def forbidden_mutations(
    schema: GraphQLSchema, operation: OperationDefinitionNode, document: Document, caller: Caller
) -> list[GraphQLError]:
    """One located FORBIDDEN for each mutation of the operation that the caller has no scope for."""
    mutation = schema.mutation_type
    if not is_mutation(operation) or mutation is None:
        return []
    fragments = {
        node.name.value: node for node in document.tree.definitions if isinstance(node, FragmentDefinitionNode)
    }
    errors = []
    for node in _fields(operation.selection_set, fragments):
        definition = mutation.fields.get(node.name.value)
        missing = _missing(definition.extensions["strawberry-definition"].directives, caller) if definition else []
        if missing:
            inner = Forbidden(f"Mutation.{node.name.value}", missing)
            key = (node.alias or node.name).value
            errors.append(GraphQLError(inner.message, nodes=node, path=[key], extensions=inner.extensions))
    return errors


def _missing(directives: list[object], caller: Caller) -> list[str]:
    needed = {
        scope for one in directives if isinstance(one, RequiresScopes) for scopes in one.scopes for scope in scopes
    }
    return sorted(needed - caller.scopes)


def _fields(selections: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> Iterator[FieldNode]:
    for node in selections.selections:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, FragmentSpreadNode):
            yield from _fields(fragments[node.name.value].selection_set, fragments)
        else:
            yield from _fields(node.selection_set, fragments)  # type: ignore[attr-defined]  # an inline fragment
