"""Values of arguments, in the form that a resolver expects.

Most arguments are a literal or a single variable. A reader, made once for each field, gives their values without
graphql-core. All other arguments go through graphql-core and Strawberry at each call.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
    ListValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_nullable_type,
)
from graphql.execution.values import VariableValues, get_argument_values
from strawberry import ID
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import StrawberryOptional

from engine.field_plans import FieldPlan
from engine.markers import STRAWBERRY

ArgumentValues = Mapping[str, Any]
# From the variables to the value. The value is Undefined if the argument counts as absent.
Read = Callable[[Mapping[str, Any]], Any]
_PLAIN: Final = (GraphQLInt, GraphQLFloat, GraphQLString, GraphQLBoolean, GraphQLID)
# Strawberry passes the value of a plain scalar to these types unchanged. Its other types share a scalar and wrap it.
_PASSED_ON: Final = (int, float, str, bool, ID)
_FIXED: Final = (int, float, str, bool, type(None))


@dataclass(frozen=True, slots=True)
class InputPosition:
    """An argument, or a field of an input object.

    - `name` is its Python name.
    - `strawberry` is its Strawberry type, None if the schema is not Strawberry's.
    """

    name: str
    core: GraphQLArgument | GraphQLInputField
    strawberry: Any = None

    @property
    def nullable(self) -> Any:
        """The type without its "!"."""
        return get_nullable_type(self.core.type)

    @property
    def has_default(self) -> bool:
        return self.core.default is not None or self.core.default_value is not Undefined

    @property
    def takes_it_as_it_is(self) -> bool:
        """Whether the variable's value is passed to the resolver unchanged."""
        inner = self.strawberry.of_type if type(self.strawberry) is StrawberryOptional else self.strawberry
        return self.nullable in _PLAIN and not self.has_default and (inner is None or inner in _PASSED_ON)


class StrawberryParts(Protocol):
    """The parts of a Strawberry schema that convert arguments to its input types."""

    config: Any
    scalar_registry: Any


class _NeedsGraphQLCore(Exception):
    """The reader cannot give the value: a required value is missing or null. graphql-core then makes the error."""


def raw_arguments(field: FieldPlan, variables: VariableValues) -> dict[str, Any]:
    """Get arguments as graphql-core gives them: schema names, input objects as dictionaries. Raises GraphQLError."""
    return get_argument_values(field.core, field.node, variables) if field.takes_arguments else {}


def arguments_of(field: FieldPlan, variables: VariableValues, parts: StrawberryParts | None) -> ArgumentValues:
    """Get arguments as Strawberry gives them: Python names, input types, enum members. Raises GraphQLError."""
    if not field.takes_arguments:
        return {}
    if field.reader is None:
        # The first call converts all arguments, because the reader reuses the converted literals.
        converted = _converted(field, variables, parts)
        field.reader = _reader(field, converted)
        return converted
    found: dict[str, Any] = {}
    try:
        for name, read in field.reader:
            value = read(variables.coerced)
            if value is not Undefined:
                found[name] = value
    except (_NeedsGraphQLCore, TypeError):
        return _converted(field, variables, parts)
    return found


def _converted(field: FieldPlan, variables: VariableValues, parts: StrawberryParts | None) -> ArgumentValues:
    arguments = raw_arguments(field, variables)
    strawberry = field.definition.strawberry
    if not arguments or strawberry is None or parts is None:
        return arguments
    return convert_arguments(
        arguments, strawberry.arguments, scalar_registry=parts.scalar_registry, config=parts.config
    )


def _reader(field: FieldPlan, found: ArgumentValues) -> list[tuple[str, Read]]:
    """Make a reader for each argument that the document gives or that has a default."""
    readers: list[tuple[str, Read]] = []
    given = {node.name.value: node.value for node in field.node.arguments or ()}
    for name, position in _positions(field.core.args, getattr(field.definition.strawberry, "arguments", None)).items():
        if name in given:
            readers.append((position.name, _read(given[name], position, found.get(position.name))))
        elif position.has_default:
            readers.append((position.name, _fixed(found.get(position.name))))
    return readers


def _positions(core: Mapping[str, Any], strawberry: Sequence[Any] | None) -> dict[str, InputPosition]:
    """Map schema names to positions. Strawberry lists its arguments in the order of the schema."""
    if strawberry is None:
        return {name: InputPosition(name, one) for name, one in core.items()}
    pairs = zip(core.items(), strawberry, strict=True)
    return {name: InputPosition(own.python_name, one, own.type) for (name, one), own in pairs}


def _read(node: ValueNode, position: InputPosition, found: Any) -> Read:
    if isinstance(node, VariableNode):
        return _variable(node.name.value, position)
    if isinstance(node, ObjectValueNode) and isinstance(position.nullable, GraphQLInputObjectType):
        return _object(node, position.nullable)
    # A literal of a custom scalar may contain variables.
    return _long_way if isinstance(node, ObjectValueNode | ListValueNode) else _fixed(found)


def _fixed(value: Any) -> Read:
    """Read a literal's value. A mutable value is converted at each call, because a resolver may change it."""
    return (lambda _variables: value) if value.__class__ in _FIXED else _long_way


def _long_way(_variables: Mapping[str, Any]) -> Any:
    raise _NeedsGraphQLCore


def _variable(name: str, position: InputPosition) -> Read:
    if not position.takes_it_as_it_is:
        return _long_way
    required = isinstance(position.core.type, GraphQLNonNull)

    def read(variables: Mapping[str, Any]) -> Any:
        value = variables.get(name, Undefined)
        if required and (value is None or value is Undefined):
            raise _NeedsGraphQLCore
        return value

    return read


def _object(node: ObjectValueNode, type_: GraphQLInputObjectType) -> Read:
    """Read an input object whose fields are all variables.

    The reader leaves null values, and types that have defaults in the schema, to graphql-core.
    """
    definition = type_.extensions.get(STRAWBERRY)
    fields = {one.name.value: one.value for one in node.fields if isinstance(one.value, VariableNode)}
    if definition is None or definition.from_input is not None or len(fields) < len(node.fields):
        return _long_way
    positions = _positions(type_.fields, definition.fields)
    if any(position.has_default for position in positions.values()):
        return _long_way
    reads = [(positions[name].name, _variable(value.name.value, positions[name])) for name, value in fields.items()]
    make = definition.origin

    def read(variables: Mapping[str, Any]) -> Any:
        values = {name: read(variables) for name, read in reads}
        if any(value is None or value is Undefined for value in values.values()):
            raise _NeedsGraphQLCore
        # Raises TypeError if a field without a default is absent; `arguments_of` catches it.
        return make(**values)

    return read
