"""A plan: an operation, read once, for every run and every caller. No decision about a caller is ever part of it."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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
from engine.output_shapes import Kind, shape_of
from engine.rendering import PlannedRendering, count_calls, plan_rendering
from engine.scan import scan_operation

# As many choices of @skip and @include as are kept of one operation.
_MAX_VARIANTS: Final = 32
_TYPENAME = GraphQLField(GraphQLNonNull(GraphQLString))
_TYPENAME_DEFINITION = Definition(Source.TYPENAME, shape_of(_TYPENAME.type))


@dataclass(slots=True, eq=False)
class Selection:
    """What is asked of the objects of a type at one place. `steps` need resolving; the rest is read while building."""

    type: GraphQLObjectType
    fields: dict[str, FieldPlan]
    steps: list[tuple[str, FieldPlan]]
    builder: Builder
    # The coordinates of what is read while building.
    inline: frozenset[str]
    # The places of the steps that may have to wait for something, themselves or below; two of them wait side by side.
    waiting: frozenset[int]


class SelectionCompiler:
    """Makes selections of one operation under one choice of its conditions, each when it is first met.

    Nothing that it makes refers back to it or to its parent: a plan that is thrown away is gone at once, and not
    when somebody looks for cycles.
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
        """Whether the field, or what is below it, may have to wait. What an abstract type turns out to be is not
        known.
        """
        if plan.definition.source in (Source.LIST, Source.EACH):
            return True
        kind = plan.output.named_kind
        return kind is Kind.ABSTRACT or (kind is Kind.OBJECT and bool(self.select(plan, plan.output.named).waiting))


@dataclass(slots=True, eq=False)
class Variant:
    """The operation under one choice of its conditions."""

    root: Selection
    # The root's fields one by one, for mutations.
    serial: list[Selection]
    select: Callable[[FieldPlan, GraphQLObjectType], Selection]
    hot_after: int
    runs: int = 0
    renderings: dict[str, PlannedRendering] = field(default_factory=dict)
    # How often a list resolver is asked in a run, where that is known beforehand.
    call_counts: Mapping[Any, int] = field(default_factory=dict)

    def warm_up(self) -> None:
        """Once it has proven hot, fields of Query are rendered whose source can do that: to plan it, there and in the
        source, costs more than a few runs save.
        """
        self.runs += 1
        if self.runs == self.hot_after + 1:
            found = {key: plan_rendering(key, one, self.select) for key, one in self.root.fields.items()}
            self.renderings = {key: one for key, one in found.items() if one is not None}
            if all(key in self.renderings for key, _ in self.root.steps):
                self.call_counts = count_calls(self.renderings.values())


@dataclass(slots=True, eq=False)
class Plan:
    """One operation of one document."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    definitions: Definitions
    hot_after: int
    conditions: tuple[str, ...]
    _variants: OrderedDict[tuple[bool, ...], Variant] = field(default_factory=OrderedDict)

    @property
    def is_serial(self) -> bool:
        return self.operation.operation is OperationType.MUTATION

    def variant(self, variables: VariableValues) -> Variant | None:
        """The operation as these variables choose it; None where graphql-core has to say what is wrong with them."""
        values = tuple(variables.coerced.get(name) is True for name in self.conditions)
        if not all(isinstance(variables.coerced.get(name), bool) for name in self.conditions):
            return None
        found = self._variants.get(values)
        if found is None:
            found = self._variants[values] = self._compile(dict(zip(self.conditions, values, strict=True)))
            if len(self._variants) > _MAX_VARIANTS:
                self._variants.popitem(last=False)
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
    """The plan of a valid document's operation; None for what graphql-core runs."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    scan = scan_operation(operation, fragments)
    if operation.operation is OperationType.SUBSCRIPTION or not scan.is_supported:
        return None
    return Plan(schema, operation, fragments, definitions, hot_after, tuple(sorted(scan.conditions)))
