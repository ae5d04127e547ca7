"""Serialization of scalars and enums: a cheap check for values of the usual class, and the full way for the others."""

import enum
import math
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import inspect

_INTS = "{v}.__class__ is int and -2147483648 <= {v} <= 2147483647"
# The check that a value of the usual class has to pass to be sent unchanged.
_USUAL = {
    GraphQLString: "{v}.__class__ is str",
    GraphQLID: "{v}.__class__ is str",
    GraphQLInt: _INTS,
    GraphQLBoolean: "{v} is True or {v} is False",
    GraphQLFloat: "{v}.__class__ is float and isfinite({v})",
}


def serialize(named: Any, value: Any) -> Any:
    """Serialize a value that is not null. Raises the errors of graphql-core."""
    if isinstance(value, BaseException):
        raise value
    found = named.coerce_output_value(value)
    if found is None or found is Undefined:
        called = f"`{inspect(named)}.coerce_output_value({inspect(value)})`"
        raise TypeError(f"Expected {called} to return non-nullable value, returned: {inspect(found)}")
    return found


def close_unused(value: Any) -> None:
    """Close a coroutine that will not be awaited. Python would otherwise warn when it is discarded."""
    close = getattr(value, "close", None)
    if close is not None:
        close()


def null_error(coordinate: str) -> TypeError:
    """Make the error for a null of a required type."""
    return TypeError(f"Cannot return null for non-nullable field {coordinate}.")


def pass_through_check(named: Any) -> str | None:
    """Return the expression that checks whether `{v}` is sent unchanged; None if the type has no usual class."""
    for known, check in _USUAL.items():
        if named is known:
            return check
    return None


def enum_names(named: Any) -> tuple[type, dict[Any, str]] | None:
    """Return an enum's Python class and its members' serialized names. Returns None if it has no Python enum class."""
    if not isinstance(named, GraphQLEnumType):
        return None
    wrapped = getattr(named, "wrapped_cls", None)
    if not isinstance(wrapped, type) or not issubclass(wrapped, enum.Enum):
        return None
    return wrapped, {member: named.coerce_output_value(member) for member in wrapped}


isfinite = math.isfinite
