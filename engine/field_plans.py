"""Field plans: the source of a field's values, decided before a run."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from keyword import iskeyword
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType
from strawberry.types.field import StrawberryField

from engine.markers import (
    STRAWBERRY,
    Column,
    Key,
    ListResolver,
    column_of,
    is_strawberrys_own,
    key_of,
    list_resolver_of,
    renderer_of,
)
from engine.output_shapes import Kind, OutputShape, shape_of

Resolver = Callable[..., Any]


class Source(Enum):
    """Source of a field's values, the cheapest first."""

    TYPENAME = auto()
    ATTRIBUTE = auto()
    COLUMN = auto()
    DIRECT = auto()
    LIST = auto()
    EACH = auto()


@dataclass(frozen=True, slots=True)
class Definition:
    """A field of the schema, independent of any document."""

    source: Source
    output: OutputShape
    attribute: str = ""
    list_resolver: ListResolver | None = None
    key: Key = id
    column: Column | None = None
    direct: Resolver | None = None
    strawberry: Any = None
    renderer: Any = None


@dataclass(slots=True, eq=False)
class FieldPlan:
    """A field as a document selects it on one object type."""

    name: str
    parent: GraphQLObjectType
    nodes: list[FieldNode]
    core: GraphQLField
    definition: Definition
    # The field's selections by the name of the object type. Each is compiled when an object of the type first appears.
    selections: dict[str, Any] = field(default_factory=dict)
    # Readers of the arguments, made at the first call (engine/arguments.py).
    reader: list[tuple[str, Callable[[Mapping[str, Any]], Any]]] | None = None

    @property
    def node(self) -> FieldNode:
        return self.nodes[0]

    @property
    def output(self) -> OutputShape:
        return self.definition.output

    @property
    def coordinate(self) -> str:
        return f"{self.parent.name}.{self.node.name.value}"

    @property
    def is_inline(self) -> bool:
        """Whether the builder reads the field's values."""
        definition = self.definition
        return definition.source is Source.ATTRIBUTE and definition.output.kind is Kind.LEAF

    @property
    def takes_arguments(self) -> bool:
        return bool(self.core.args)


class Definitions:
    """Cache of the schema's field definitions. Each field is read once."""

    def __init__(self, *, plain_attributes: bool, has_exception_handlers: bool) -> None:
        self._plain_attributes = plain_attributes
        self._has_exception_handlers = has_exception_handlers
        self._known: dict[int, Definition] = {}

    def of(self, core: GraphQLField) -> Definition:
        found = self._known.get(id(core))
        if found is None:
            found = self._known[id(core)] = self._read(core)
        return found

    def _read(self, core: GraphQLField) -> Definition:
        facts: Mapping[str, Any] = {
            "output": shape_of(core.type),
            "strawberry": core.extensions.get(STRAWBERRY),
            "renderer": renderer_of(core),
        }
        strawberry = facts["strawberry"]
        if not is_strawberrys_own(core.resolve) or self._needs_full_call(strawberry):
            return Definition(Source.EACH, **facts)
        if (resolve := list_resolver_of(core)) is not None:
            return Definition(Source.LIST, **facts, list_resolver=resolve, key=key_of(core))
        if (column := column_of(core)) is not None:
            return Definition(Source.COLUMN, **facts, column=column)
        if strawberry is not None:
            if strawberry.base_resolver is None and self._plain_attributes and _is_name(strawberry.python_name):
                return Definition(Source.ATTRIBUTE, **facts, attribute=strawberry.python_name)
            if (direct := _direct(strawberry)) is not None:
                return Definition(Source.DIRECT, **facts, direct=direct)
        return Definition(Source.EACH, **facts)

    def _needs_full_call(self, strawberry: Any) -> bool:
        """Whether a permission, an extension, an exception handler or a custom field class wraps the resolver."""
        if strawberry is None:
            return False
        is_own = type(strawberry).get_result is not StrawberryField.get_result
        return bool(strawberry.extensions) or self._has_exception_handlers or is_own


def _is_name(text: str) -> bool:
    """Whether the text is valid after a dot."""
    return text.isidentifier() and not iskeyword(text)


def _direct(strawberry: Any) -> Resolver | None:
    """Return a synchronous resolver that takes only its parent. Returns None for every other resolver."""
    resolver = strawberry.base_resolver
    if resolver is None or resolver.is_async or strawberry.arguments:
        return None
    function = resolver.wrapped_func
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters:
        return lambda _parent: function()
    if len(parameters) > 1 or parameters[0].kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        return None
    if resolver.info_parameter is not None:
        return None
    return function  # type: ignore[no-any-return]
