"""What a resolver function may say of itself, as attributes, so that the engine need not call it value by value.

    list_resolver(parents, context, **arguments)   answers for all parents of a level, awaitable, in their order
    key(parent)                                    tells parents apart; equal ones share an answer
    column(parents, context)                       answers for all parents at once without waiting for anybody
    renderer(wanted)                               of a field of Query: answers with JSON text (engine/rendering.py)

An answer may be an exception: that parent alone gets null and one located error.
"""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, TypeVar

from graphql import GraphQLField

F = TypeVar("F", bound=Callable[..., Any])
ListResolver = Callable[..., Awaitable[Sequence[Any]]]
Column = Callable[[Sequence[Any], Any], Sequence[Any]]
Key = Callable[[Any], Hashable]

STRAWBERRY = "strawberry-definition"


def by_class(is_type_of: F) -> F:
    """Mark an `is_type_of` that looks at a value's class alone, so that it is asked once per class and level."""
    is_type_of.by_class = True  # type: ignore[attr-defined]
    return is_type_of


def by_column(column: Column) -> Callable[[F], F]:
    """Mark a resolver of one parent with the function that answers for all of them, the same answers."""

    def marked(resolver: F) -> F:
        resolver.column = column  # type: ignore[attr-defined]
        return resolver

    return marked


def mark_as_guard(guard: F) -> F:
    """Mark a resolver that only checks and then calls the one it was put in front of: the engine is told what is
    refused, checks for itself, and calls the one behind.
    """
    guard.is_guard = True  # type: ignore[attr-defined]
    return guard


def is_strawberrys_own(resolve: Any) -> bool:
    """Whether a field's resolver is what Strawberry made of it, so that what is behind it may be called instead."""
    if getattr(resolve, "is_guard", False):
        return True
    # What was put around it by functools.wraps looks like it, and may be there to refuse.
    return getattr(resolve, "__module__", "") == _CONVERTER and not hasattr(resolve, "__wrapped__")


_CONVERTER = "strawberry.schema.schema_converter"


def function_of(field: GraphQLField) -> Any:
    """The resolver function as it was written: strawberry wraps it, plain graphql-core does not."""
    definition = field.extensions.get(STRAWBERRY)
    if definition is None:
        return field.resolve
    return getattr(getattr(definition, "base_resolver", None), "wrapped_func", None)


def list_resolver_of(field: GraphQLField) -> ListResolver | None:
    found: ListResolver | None = getattr(function_of(field), "list_resolver", None)
    return found


def key_of(field: GraphQLField) -> Key:
    found: Key = getattr(function_of(field), "key", id)
    return found


def column_of(field: GraphQLField) -> Column | None:
    found: Column | None = getattr(function_of(field), "column", None)
    return found


def renderer_of(field: GraphQLField) -> Any:
    return getattr(function_of(field), "renderer", None)
