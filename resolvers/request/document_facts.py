"""The facts of a document, collected in one pass before any expensive step.

The document need not be valid yet. Each operation and each fragment is walked once. The measure of a fragment is added
at each spread. The pass therefore takes no longer for a kilobyte of nested fragments than for any other kilobyte
(docs/limits.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from resolvers.policy.cost_table import slicing_arguments

_CONDITIONS: Final = ("skip", "include")
_INTROSPECTION: Final = ("__schema", "__type")
_META: Final = ("__typename", *_INTROSPECTION)
_SLICING: Final = slicing_arguments()

_Fields = Mapping[str, tuple[str, Any]]
_Definition = OperationDefinitionNode | FragmentDefinitionNode
# A selection set, its type (None if the schema has no such type), the depth of its fields, and the depth that each
# level below adds.
_Ahead = tuple[SelectionSetNode, Any, int, int]


@dataclass(slots=True)
class Measure:
    """The size of a selection."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    introspects: bool = False

    def add(self, fragment: "Measure", above: int, step: int) -> None:
        """Add the measure of a fragment that is spread below `above` levels."""
        self.depth = max(self.depth, above + step * fragment.depth)
        self.fields += fragment.fields
        self.aliases += fragment.aliases
        self.directives += fragment.directives
        self.introspects = self.introspects or fragment.introspects


@dataclass(slots=True)
class _Part:
    """The facts of one operation or fragment, without the fragments that are spread in it."""

    measure: Measure = field(default_factory=Measure)
    spreads: list[tuple[str, int, int]] = field(default_factory=list)
    conditions: list[ArgumentNode] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """`fields` are the coordinates of all selected fields. `counted_variables` are variables that change the cost."""

    operations: Mapping[str | None, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    measures: Sequence[tuple[OperationDefinitionNode, Measure]]
    """Each operation with its measure, where fragments are counted at every spread."""
    fields: frozenset[str]
    counted_variables: tuple[str, ...]
    _parts: Mapping[int, _Part]

    def nullable_conditions(self, operation: OperationDefinitionNode) -> Sequence[ArgumentNode]:
        """The conditions of @skip and @include in this operation whose variable may be null."""
        definitions = operation.variable_definitions or ()
        nullable = {one.variable.name.value for one in definitions if not isinstance(one.type, NonNullTypeNode)}
        if not nullable:
            return ()
        reached: dict[int, _Part] = {}
        ahead = [self._parts[id(operation)]]
        while ahead:
            part = ahead.pop()
            if id(part) not in reached:
                reached[id(part)] = part
                ahead += (self._parts[id(self.fragments[name])] for name, _, _ in part.spreads)
        return tuple(one for part in reached.values() for one in part.conditions if variable_of(one) in nullable)


def collect_facts(document: DocumentNode, schema: GraphQLSchema) -> DocumentFacts:
    """Collect the facts of a document. Raises GraphQLSyntaxError for an empty selection."""
    found = _Pass(schema)
    operations = []
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            operations.append(node)
            found.collect(node, schema.get_root_type(node.operation))
        elif isinstance(node, FragmentDefinitionNode):
            found.fragments[node.name.value] = node
            found.collect(node, schema.get_type(node.type_condition.name.value))
    return DocumentFacts(
        {node.name.value if node.name else None: node for node in operations},
        found.fragments,
        [(node, found.total(node)) for node in operations],
        frozenset(found.fields),
        tuple(sorted(found.counted_variables)),
        found.parts,
    )


def variable_of(argument: ArgumentNode) -> str:
    """The name of the variable that is the argument's value; empty if the value is not a variable."""
    return argument.value.name.value if isinstance(argument.value, VariableNode) else ""


class _Pass:
    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._part = _Part()
        self._totals: dict[int, Measure] = {}
        self.parts: dict[int, _Part] = {}
        self.fragments: dict[str, FragmentDefinitionNode] = {}
        self.fields: set[str] = set()
        self.counted_variables: set[str] = set()

    def collect(self, definition: _Definition, parent: Any) -> None:
        """Collect the facts of one definition. `parent` is the type of its selection."""
        self._part = self.parts[id(definition)] = _Part()
        self._directives(definition.directives)
        ahead: list[_Ahead] = [(definition.selection_set, parent, 1, 1)]
        while ahead:
            ahead += self._selection(*ahead.pop())

    def total(self, definition: _Definition) -> Measure:
        """The measure of a definition with the fragments that it spreads."""
        part = self.parts[id(definition)]
        # Because validation refuses a recursive fragment later, its measure may be wrong. The recursion only has to
        # end.
        self._totals[id(definition)] = Measure()
        total = replace(part.measure)
        for name, above, step in part.spreads:
            if (fragment := self.fragments.get(name)) is not None:
                total.add(self._totals.get(id(fragment)) or self.total(fragment), above, step)
        self._totals[id(definition)] = total
        return total

    def _selection(self, selections: SelectionSetNode, parent: Any, depth: int, step: int) -> Iterator[_Ahead]:
        if not selections.selections:
            raise _empty(selections)
        known = _fields_of(self._schema, parent)
        for node in selections.selections:
            if node.directives:
                self._directives(node.directives)
            if isinstance(node, FieldNode):
                if (below := self._field(node, known, depth, step)) is not None:
                    yield below
            elif isinstance(node, FragmentSpreadNode):
                self._part.spreads.append((node.name.value, depth - 1, step))
            elif isinstance(node, InlineFragmentNode):
                on = node.type_condition
                yield node.selection_set, self._schema.get_type(on.name.value) if on else parent, depth, step

    def _field(self, node: FieldNode, known: _Fields, depth: int, step: int) -> _Ahead | None:
        name, measure = node.name.value, self._part.measure
        measure.fields += 1
        if node.alias is not None:
            measure.aliases += 1
        measure.depth = max(measure.depth, depth)
        if name in _INTROSPECTION:
            # Introspection queries are always deep. Validation bounds their depth, but not the number of their fields.
            measure.introspects, step = True, 0
        for argument in node.arguments or ():
            if argument.name.value in _SLICING and isinstance(argument.value, VariableNode):
                self.counted_variables.add(argument.value.name.value)
        coordinate, kind = known.get(name, (None, None))
        if coordinate is not None:
            self.fields.add(coordinate)
        return None if node.selection_set is None else (node.selection_set, kind, depth + step, step)

    def _directives(self, directives: Sequence[DirectiveNode] | None) -> None:
        for directive in directives or ():
            self._part.measure.directives += 1
            by_variable = [one for one in directive.arguments or () if isinstance(one.value, VariableNode)]
            self.counted_variables.update(map(variable_of, by_variable))
            if directive.name.value in _CONDITIONS:
                self._part.conditions += by_variable


@lru_cache(maxsize=1024)
def _fields_of(schema: GraphQLSchema, parent: Any) -> _Fields:
    """The fields of a type by name: the coordinate and the type of each field."""
    if parent is None:
        return {}
    found = {name: schema.get_field(parent, name) for name in (*getattr(parent, "fields", ()), *_META)}
    return {name: (f"{parent.name}.{name}", get_named_type(one.type)) for name, one in found.items() if one}


def _empty(selections: SelectionSetNode) -> GraphQLSyntaxError:
    """The grammar requires a field, but graphql-core 3.3 accepts none."""
    assert selections.loc is not None, "parsed with its places"
    return GraphQLSyntaxError(selections.loc.source, selections.loc.end - 1, "Expected a field, found '}'.")
