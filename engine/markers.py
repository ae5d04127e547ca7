"""Markers: attributes of resolver functions that let the engine avoid one call for each value.

    list_resolver(parents, context, **arguments)   answers for all parents of a level, awaitable, in their order
    key(parent)                                    identifies a parent; parents with equal keys share an answer
    column(parents, context)                       answers for all parents in one call that does not wait
    renderer(wanted)                               of a field of Query: answers with JSON text (engine/rendering.py)
    joins_requests                                 of a list resolver: it takes parents of several requests in one call

An answer may be an exception. Then only that parent gets null and one located error.
"""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from graphql import GraphQLField

F = TypeVar("F", bound=Callable[..., Any])
ListResolver = Callable[..., Awaitable[Sequence[Any]]]
Column = Callable[[Sequence[Any], Any], Sequence[Any]]
Key = Callable[[Any], Hashable]

STRAWBERRY = "strawberry-definition"


def by_class(is_type_of: F) -> F:
    """Mark an `is_type_of` that checks only a value's class. The engine calls it once for each class and level."""
    is_type_of.by_class = True  # type: ignore[attr-defined]
    return is_type_of


def by_column(column: Column) -> Callable[[F], F]:
    """Mark a resolver of one parent with the function that gives the same answers for all parents."""

    def marked(resolver: F) -> F:
        resolver.column = column  # type: ignore[attr-defined]
        return resolver

    return marked


@dataclass(frozen=True, slots=True)
class JointSources:
    """The sources of a list resolver's answers. `source_of(parent)` names the source that answers for this parent.
    `is_joint(source, context)`: whether one call to this source may be for several requests.
    """

    source_of: Callable[[Any], Hashable]
    is_joint: Callable[[Any, Any], bool]


def joins_requests(sources: JointSources) -> Callable[[F], F]:
    """Mark a list resolver that may get the parents of several requests in one call (engine/joint_run.py). It uses
    nothing of its context that differs between these requests.
    """

    def marked(list_resolver: F) -> F:
        list_resolver.joins_requests = sources  # type: ignore[attr-defined]
        return list_resolver

    return marked


def mark_as_guard(guard: F) -> F:
    """Mark a wrapper that only checks and then calls its resolver.

    The engine skips the wrapper: the caller of `run` makes the check and passes the refusals.
    """
    guard.is_guard = True  # type: ignore[attr-defined]
    return guard


def is_strawberrys_own(resolve: Any) -> bool:
    """Whether Strawberry made this resolver. Then the engine may call the function behind it."""
    if getattr(resolve, "is_guard", False):
        return True
    # A wrapper made by functools.wraps has the same module. It may refuse the call, so it is not skipped.
    return getattr(resolve, "__module__", "") == _CONVERTER and not hasattr(resolve, "__wrapped__")


_CONVERTER = "strawberry.schema.schema_converter"


def function_of(field: GraphQLField) -> Any:
    """Return the original resolver function. Strawberry wraps it; plain graphql-core does not."""
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
