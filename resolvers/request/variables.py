"""Coerces the variables of a request.

graphql-core can do this, but reads each definition again for every request. The quick path here handles variables of
the built-in scalars (except Float) with a value of exactly that type. All other variables, and all errors, are left to
graphql-core.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    ArgumentNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    get_nullable_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from resolvers.request.document_facts import variable_of
from resolvers.request.documents import Document

_MOST_ERRORS: Final = 10

# The key is the type object, because a schema may have another type of the same name.
_FITS: Final[Mapping[Any, Callable[[Any], bool]]] = {
    GraphQLInt: lambda value: value.__class__ is int and GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT,
    GraphQLString: lambda value: value.__class__ is str,
    GraphQLID: lambda value: value.__class__ is str,
    GraphQLBoolean: lambda value: value.__class__ is bool,
}

_Plain = tuple[tuple[GraphQLVariableSignature, bool, Callable[[Any], bool]], ...]


class _Known(NamedTuple):
    plain: _Plain | None
    conditions: Sequence[ArgumentNode]


def read_variables(
    schema: GraphQLSchema, document: Document, operation: OperationDefinitionNode, given: Mapping[str, Any]
) -> VariableValues | list[GraphQLError]:
    """The coerced variables of the operation, or the errors in the values that the caller sent."""
    known = _known(schema, document, operation)
    values = None if known.plain is None else _at_a_glance(known.plain, given)
    if values is None:
        found = get_variable_values(schema, operation.variable_definitions or (), dict(given), max_errors=_MOST_ERRORS)
        if isinstance(found, list):
            return found
        values = found
    return (known.conditions and _undecided(known.conditions, values)) or values


def _known(schema: GraphQLSchema, document: Document, operation: OperationDefinitionNode) -> _Known:
    name = operation.name.value if operation.name else None
    known: _Known | None = document.variables.get(name)
    if known is None:
        known = _Known(_plain(schema, operation), document.facts.nullable_conditions(operation))
        document.variables[name] = known
    return known


def _plain(schema: GraphQLSchema, operation: OperationDefinitionNode) -> _Plain | None:
    """The check of each variable, and whether it may be null; None if a variable is not of a plain scalar type."""
    found = []
    for definition in operation.variable_definitions or ():
        signature = get_variable_signature(schema, definition)
        if isinstance(signature, GraphQLError):
            return None
        is_required = isinstance(signature.type, GraphQLNonNull)
        fits = _FITS.get(get_nullable_type(signature.type))
        if fits is None:
            return None
        found.append((signature, is_required, fits))
    return tuple(found)


def _at_a_glance(plain: _Plain, given: Mapping[str, Any]) -> VariableValues | None:
    sources: dict[str, VariableValueSource] = {}
    coerced: dict[str, Any] = {}
    for signature, is_required, fits in plain:
        name = signature.name
        if name not in given:
            if is_required or signature.default is not None:
                return None
            sources[name] = VariableValueSource(signature)
            continue
        value = given[name]
        if not fits(value) and (is_required or value is not None):
            return None
        sources[name] = VariableValueSource(signature, value)
        coerced[name] = value
    return VariableValues(sources, coerced)


def _undecided(conditions: Sequence[ArgumentNode], variables: VariableValues) -> list[GraphQLError]:
    """One error for each condition that is null.

    A condition may have a nullable variable with a default, and a request may give this variable as null. The execution
    would report the error only at this condition, perhaps after a mutation. The answer would then not show the
    mutation's outcome.
    """
    return [
        GraphQLError(
            f"A condition must be true or false, but the variable '${name}' is null.",
            node,
            extensions={"code": "BAD_USER_INPUT"},
        )
        for node in conditions
        if variables.coerced.get(name := variable_of(node)) is None
    ]
