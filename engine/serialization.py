"""How scalars and enums leave: the check that a value of the usual class costs, and the whole way for all others."""

import enum
import math
from collections.abc import Callable
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

Leaf = Callable[[Any], Any]
_INTS = "{v}.__class__ is int and -2147483648 <= {v} <= 2147483647"
# What a value of the usual class has to pass to leave as it is.
_USUAL = {
    GraphQLString: "{v}.__class__ is str",
    GraphQLID: "{v}.__class__ is str",
    GraphQLInt: _INTS,
    GraphQLBoolean: "{v} is True or {v} is False",
    GraphQLFloat: "{v}.__class__ is float and isfinite({v})",
}


def serialize(named: Any, value: Any) -> Any:
    """A value that is not null, as it goes on the wire. Raises what graphql-core raises."""
    if isinstance(value, BaseException):
        raise value
    found = named.coerce_output_value(value)
    if found is None or found is Undefined:
        called = f"`{inspect(named)}.coerce_output_value({inspect(value)})`"
        raise TypeError(f"Expected {called} to return non-nullable value, returned: {inspect(found)}")
    return found


def close_unused(value: Any) -> None:
    """A coroutine that nobody is going to await says so when it is thrown away, unless it is closed."""
    close = getattr(value, "close", None)
    if close is not None:
        close()


def null_error(coordinate: str) -> TypeError:
    """What is said of a null where there must be none."""
    return TypeError(f"Cannot return null for non-nullable field {coordinate}.")


def pass_through_check(named: Any) -> str | None:
    """The expression that says of `{v}` that it leaves as it is; None where there is no such class."""
    for known, check in _USUAL.items():
        if named is known:
            return check
    return None


def enum_names(named: Any) -> tuple[type, dict[Any, str]] | None:
    """An enum's Python class and its members' names on the wire; None where values are not members of one class."""
    if not isinstance(named, GraphQLEnumType):
        return None
    wrapped = getattr(named, "wrapped_cls", None)
    if not isinstance(wrapped, type) or not issubclass(wrapped, enum.Enum):
        return None
    return wrapped, {member: named.coerce_output_value(member) for member in wrapped}


isfinite = math.isfinite
