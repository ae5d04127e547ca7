"""Field collection: a type's fields in selection sets, with fragments merged and conditions decided (spec 6.3.2)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
)

from engine.scan import CONDITIONS

Conditions = Mapping[str, bool]
Grouped = dict[str, list[FieldNode]]


class Collector:
    """Collector of fields under one choice of conditions."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], conditions: Conditions
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._conditions = conditions

    def fields(self, sets: Iterable[SelectionSetNode | None], on: GraphQLObjectType) -> Grouped:
        """Collect field nodes by response key, in the order in which the keys first appear."""
        grouped: Grouped = {}
        visited: set[str] = set()
        for one in sets:
            if one is not None:
                self._collect(one, on, grouped, visited)
        return grouped

    def _collect(self, chosen: SelectionSetNode, on: GraphQLObjectType, grouped: Grouped, visited: set[str]) -> None:
        for node in chosen.selections:
            if not self._is_included(node.directives):
                continue
            if isinstance(node, FieldNode):
                key = (node.alias or node.name).value
                grouped.setdefault(key, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if self._applies(node, on):
                    self._collect(node.selection_set, on, grouped, visited)
            elif isinstance(node, FragmentSpreadNode):
                self._spread(node.name.value, on, grouped, visited)

    def _spread(self, name: str, on: GraphQLObjectType, grouped: Grouped, visited: set[str]) -> None:
        fragment = self._fragments.get(name)
        if name in visited or fragment is None:
            return
        visited.add(name)
        if self._applies(fragment, on):
            self._collect(fragment.selection_set, on, grouped, visited)

    def _applies(self, fragment: FragmentDefinitionNode | InlineFragmentNode, on: GraphQLObjectType) -> bool:
        if fragment.type_condition is None:
            return True
        condition: Any = self._schema.get_type(fragment.type_condition.name.value)
        if condition is on:
            return True
        return is_abstract_type(condition) and self._is_possible(condition, on)

    def _is_possible(self, condition: GraphQLAbstractType, on: GraphQLObjectType) -> bool:
        return self._schema.is_sub_type(condition, on)

    def _is_included(self, directives: Sequence[DirectiveNode] | None) -> bool:
        for directive in directives or ():
            name = directive.name.value
            if name in CONDITIONS and self._truth(directive) is (name == "skip"):
                return False
        return True

    def _truth(self, directive: DirectiveNode) -> bool:
        [argument] = directive.arguments or ()
        value = argument.value
        if isinstance(value, VariableNode):
            return self._conditions[value.name.value]
        assert isinstance(value, BooleanValueNode)
        return value.value
