"""What is known of a field before anything runs: where its value comes from and what it needs for that."""

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
    """Where a field's values come from, the cheapest first."""

    TYPENAME = auto()
    ATTRIBUTE = auto()
    COLUMN = auto()
    DIRECT = auto()
    LIST = auto()
    EACH = auto()


@dataclass(frozen=True, slots=True)
class Definition:
    """A field of the schema, apart from any document."""

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
    """A field as a document asks for it, on one object type."""

    name: str
    parent: GraphQLObjectType
    nodes: list[FieldNode]
    core: GraphQLField
    definition: Definition
    # What it selects, by the name of the object type; compiled when the type is first met.
    selections: dict[str, Any] = field(default_factory=dict)
    # How its arguments are read; known once they have been read (engine/arguments.py).
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
        """Whether its values are read where the response is built."""
        definition = self.definition
        return definition.source is Source.ATTRIBUTE and definition.output.kind is Kind.LEAF

    @property
    def takes_arguments(self) -> bool:
        return bool(self.core.args)


class Definitions:
    """Reads the schema's fields, each once."""

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
        """Whether something has to happen between graphql-core and the resolver: a permission, an extension, a
        handler of exceptions, a field class of somebody's own.
        """
        if strawberry is None:
            return False
        is_own = type(strawberry).get_result is not StrawberryField.get_result
        return bool(strawberry.extensions) or self._has_exception_handlers or is_own


def _is_name(text: str) -> bool:
    """Whether it can be written after a dot."""
    return text.isidentifier() and not iskeyword(text)


def _direct(strawberry: Any) -> Resolver | None:
    """The resolver as a function of its parent alone; None where it takes more, or has to be awaited."""
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
