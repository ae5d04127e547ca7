"""Plan: an operation, compiled once for every run and every caller. A plan contains no decision about a caller."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cachetools import LRUCache
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues
from graphql.type import GraphQLField

from engine.codegen import Builder
from engine.collect_fields import Collector, Grouped
from engine.field_plans import Definition, Definitions, FieldPlan, Source
from engine.joint_field import JointField, find_joint_field
from engine.output_shapes import Kind, shape_of
from engine.rendering import PlannedRendering, count_calls, plan_rendering
from engine.scan import scan_operation

# The number of cached variants (choices of @skip and @include) of one operation.
_MAX_VARIANTS: Final = 32
_TYPENAME = GraphQLField(GraphQLNonNull(GraphQLString))
_TYPENAME_DEFINITION = Definition(Source.TYPENAME, shape_of(_TYPENAME.type))


@dataclass(slots=True, eq=False)
class Selection:
    """The fields selected on one object type at one place.

    `steps` are the fields to resolve. The builder reads the other fields.
    """

    type: GraphQLObjectType
    fields: dict[str, FieldPlan]
    steps: list[tuple[str, FieldPlan]]
    builder: Builder
    # The coordinates of the fields that the builder reads.
    inline: frozenset[str]
    # The indexes of the steps that may wait, or that have a step below them that may wait. Two or more such steps run
    # concurrently.
    waiting: frozenset[int]


Select = Callable[[FieldPlan, GraphQLObjectType], Selection]
"""Returns the selection of a field on an object type."""


class SelectionCompiler:
    """Compiler of one operation's selections under one choice of its conditions. Each is compiled on first use.

    A selection refers neither to the compiler nor to its parent. A discarded plan is therefore released immediately,
    without a garbage collection.
    """

    def __init__(self, collector: Collector, definitions: Definitions, hot_after: int) -> None:
        self._collector = collector
        self._definitions = definitions
        self._hot_after = hot_after

    def select(self, plan: FieldPlan, on: GraphQLObjectType) -> Selection:
        found: Selection | None = plan.selections.get(on.name)
        if found is None:
            grouped = self._collector.fields((node.selection_set for node in plan.nodes), on)
            found = plan.selections[on.name] = self.selection(on, grouped)
        return found

    def grouped(self, chosen: SelectionSetNode, on: GraphQLObjectType) -> Grouped:
        return self._collector.fields([chosen], on)

    def selection(self, on: GraphQLObjectType, grouped: Grouped) -> Selection:
        fields = {key: plan for key, nodes in grouped.items() if (plan := self._field(on, nodes)) is not None}
        steps = [
            (key, plan)
            for key, plan in fields.items()
            if not plan.is_inline and plan.definition.source is not Source.TYPENAME
        ]
        waiting = frozenset(place for place, (_, plan) in enumerate(steps) if self._may_wait(plan))
        builder = Builder(on.name, fields, [key for key, _ in steps], self._hot_after)
        inline = frozenset(plan.coordinate for plan in fields.values() if plan.is_inline)
        return Selection(on, fields, steps, builder, inline, waiting)

    def _field(self, on: GraphQLObjectType, nodes: list[FieldNode]) -> FieldPlan | None:
        name = nodes[0].name.value
        if name == "__typename":
            return FieldPlan(name, on, nodes, _TYPENAME, _TYPENAME_DEFINITION)
        core = on.fields.get(name)
        if core is None:
            return None
        return FieldPlan(name, on, nodes, core, self._definitions.of(core))

    def _may_wait(self, plan: FieldPlan) -> bool:
        """Whether the field or a field below it may wait. An abstract type may: its object type is unknown."""
        if plan.definition.source in (Source.LIST, Source.EACH):
            return True
        kind = plan.output.named_kind
        return kind is Kind.ABSTRACT or (kind is Kind.OBJECT and bool(self.select(plan, plan.output.named).waiting))


@dataclass(slots=True, eq=False)
class Variant:
    """The operation under one choice of its conditions."""

    root: Selection
    # One selection for each root field of a mutation.
    serial: list[Selection]
    select: Select
    hot_after: int
    runs: int = 0
    renderings: dict[str, PlannedRendering] = field(default_factory=dict)
    # The number of loads for each list resolver in a run, if the whole operation is rendered.
    call_counts: Mapping[Any, int] = field(default_factory=dict)
    # The only root field, if its rendering can answer several requests together.
    joint: JointField | None = None

    def warm_up(self) -> None:
        """Count a run. Plan renderings of root fields when the variant is hot.

        A rendering is planned late, because planning it costs more than a few runs save.
        """
        self.runs += 1
        if self.runs == self.hot_after + 1:
            found = {key: plan_rendering(key, one, self.select) for key, one in self.root.fields.items()}
            self.renderings = {key: one for key, one in found.items() if one is not None}
            if all(key in self.renderings for key, _ in self.root.steps):
                self.call_counts = count_calls(self.renderings.values())
            if len(self.root.fields) == len(self.renderings) == 1:
                self.joint = find_joint_field(*self.renderings.values())


@dataclass(slots=True, eq=False)
class Plan:
    """One operation of one document."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    definitions: Definitions
    hot_after: int
    conditions: tuple[str, ...]
    _variants: LRUCache[tuple[bool, ...], Variant] = field(default_factory=lambda: LRUCache(_MAX_VARIANTS))

    @property
    def is_serial(self) -> bool:
        return self.operation.operation is OperationType.MUTATION

    def variant(self, variables: VariableValues) -> Variant | None:
        """Return the variant for these variables. Returns None if graphql-core has to report a wrong condition."""
        values = tuple(variables.coerced.get(name) is True for name in self.conditions)
        if not all(isinstance(variables.coerced.get(name), bool) for name in self.conditions):
            return None
        found = self._variants.get(values)
        if found is None:
            found = self._variants[values] = self._compile(dict(zip(self.conditions, values, strict=True)))
        return found

    def _compile(self, conditions: Mapping[str, bool]) -> Variant:
        compiler = SelectionCompiler(
            Collector(self.schema, self.fragments, conditions), self.definitions, self.hot_after
        )
        root_type = self.schema.get_root_type(self.operation.operation)
        assert root_type is not None
        grouped = compiler.grouped(self.operation.selection_set, root_type)
        alone = grouped.items() if self.is_serial else ()
        serial = [compiler.selection(root_type, {key: nodes}) for key, nodes in alone]
        return Variant(compiler.selection(root_type, grouped), serial, compiler.select, self.hot_after)


def make_plan(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    definitions: Definitions,
    hot_after: int,
) -> Plan | None:
    """Plan an operation of a valid document. Returns None for an operation that graphql-core runs."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    scan = scan_operation(operation, fragments)
    if operation.operation is OperationType.SUBSCRIPTION or not scan.is_supported:
        return None
    return Plan(schema, operation, fragments, definitions, hot_after, tuple(sorted(scan.conditions)))
