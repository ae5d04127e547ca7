"""Arguments as a resolver gets them. Most are a literal or a variable that stands alone, and those are read at once."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLString,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_nullable_type,
)
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.types.arguments import convert_arguments

from engine.fields import FieldPlan
from engine.markers import STRAWBERRY

Arguments = Mapping[str, Any]
Place = GraphQLArgument | GraphQLInputField
# From the variables to the value; Undefined where the argument counts as not given.
Read = Callable[[Mapping[str, Any]], Any]
# Their values are the same to graphql-core, to Strawberry and to the resolver.
_PLAIN: Final = (GraphQLInt, GraphQLFloat, GraphQLString, GraphQLBoolean, GraphQLID)
_FIXED: Final = (int, float, str, bool, type(None))


class StrawberryParts(Protocol):
    """What of a Strawberry schema is needed to turn arguments into its input types."""

    config: Any
    scalar_registry: Any


class _LongWay(Exception):
    """graphql-core has to look at it: a value that is missing, or null where there must be none."""


def raw_arguments(field: FieldPlan, variables: VariableValues) -> dict[str, Any]:
    """As graphql-core gives them: by the schema's names, input objects as dictionaries. Raises GraphQLError."""
    return get_argument_values(field.core, field.node, variables) if field.takes_arguments else {}


def arguments_of(field: FieldPlan, variables: VariableValues, parts: StrawberryParts | None) -> Arguments:
    """As Strawberry gives them to resolvers: Python names, input types, enum members. Raises GraphQLError."""
    if not field.takes_arguments:
        return {}
    if field.reader is None:
        # The long way is gone at least once: what it makes of the literals is known then.
        converted = _converted(field, variables, parts)
        field.reader = _reader(field, converted)
        return converted
    found: dict[str, Any] = {}
    try:
        for name, read in field.reader:
            value = read(variables.coerced)
            if value is not Undefined:
                found[name] = value
    except (_LongWay, TypeError):
        return _converted(field, variables, parts)
    return found


def _converted(field: FieldPlan, variables: VariableValues, parts: StrawberryParts | None) -> Arguments:
    arguments = raw_arguments(field, variables)
    strawberry = field.definition.strawberry
    if not arguments or strawberry is None or parts is None:
        return arguments
    return convert_arguments(
        arguments, strawberry.arguments, scalar_registry=parts.scalar_registry, config=parts.config
    )


def _reader(field: FieldPlan, found: Arguments) -> list[tuple[str, Read]]:
    """How to read each argument that the document gives; one that raises where that cannot be known beforehand."""
    names = _python_names(field)
    readers: list[tuple[str, Read]] = []
    given = {node.name.value: node.value for node in field.node.arguments or ()}
    for name, argument in field.core.args.items():
        if name in given:
            read = _read(given[name], argument, found.get(names.get(name, name)))
        elif _has_default(argument):
            read = _fixed(found.get(names.get(name, name)))
        else:
            continue
        readers.append((names.get(name, name), read))
    return readers


def _python_names(field: FieldPlan) -> dict[str, str]:
    strawberry = field.definition.strawberry
    if strawberry is None:
        return {}
    core = list(field.core.args)
    return dict(zip(core, (one.python_name for one in strawberry.arguments), strict=True))


def _has_default(place: Place) -> bool:
    return place.default is not None or place.default_value is not Undefined


def _read(node: ValueNode, place: Place, found: Any) -> Read:
    if isinstance(node, VariableNode):
        return _variable(node.name.value, place)
    type_ = get_nullable_type(place.type)
    if isinstance(node, ObjectValueNode) and isinstance(type_, GraphQLInputObjectType):
        return _object(node, type_)
    return _fixed(found)


def _fixed(value: Any) -> Read:
    """A literal's value, if nobody can change it."""
    return (lambda _variables: value) if value.__class__ in _FIXED else _long_way


def _long_way(_variables: Mapping[str, Any]) -> Any:
    raise _LongWay


def _variable(name: str, place: Place) -> Read:
    if get_nullable_type(place.type) not in _PLAIN or _has_default(place):
        return _long_way
    required = isinstance(place.type, GraphQLNonNull)

    def read(variables: Mapping[str, Any]) -> Any:
        value = variables.get(name, Undefined)
        if required and (value is None or value is Undefined):
            raise _LongWay
        return value

    return read


def _object(node: ObjectValueNode, type_: GraphQLInputObjectType) -> Read:
    """An input object of variables alone, none of them null, of a type without defaults of the schema's own."""
    definition = type_.extensions.get(STRAWBERRY)
    fields = {one.name.value: one.value for one in node.fields if isinstance(one.value, VariableNode)}
    if definition is None or definition.from_input is not None or len(fields) < len(node.fields):
        return _long_way
    if any(map(_has_default, type_.fields.values())):
        return _long_way
    names = dict(zip(type_.fields, (one.python_name for one in definition.fields), strict=True))
    reads = [(names[name], _variable(value.name.value, type_.fields[name])) for name, value in fields.items()]
    make = definition.origin

    def read(variables: Mapping[str, Any]) -> Any:
        values = {name: read(variables) for name, read in reads}
        if any(value is None or value is Undefined for value in values.values()):
            raise _LongWay
        # TypeError: a field without a default was left out.
        return make(**values)

    return read
