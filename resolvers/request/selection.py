"""The selection of an operation, merged as in the execution, with the size of every list. Its cost
(resolvers/request/cost.py) and its calls (resolvers/request/call_plan.py) are computed from it.

A fragment that is spread several times is one Selection object. A walk over the result visits each object once, and
therefore takes no longer than reading the document.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    SelectionNode,
    SelectionSetNode,
    get_directive_values,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)
from graphql.execution.values import get_argument_values

from resolvers.policy.cost_table import SIZES, values_of
from resolvers.request.documents import RunnableOperation

# The fields of a connection that get its page size, and the page size.
Page = tuple[frozenset[str], int] | None
Groups = dict[str, list[FieldNode]]


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """One field of a selection. `size` is the number of values for each parent. `inner` has one selection for every
    possible type of a value; it is empty for a scalar.
    """

    key: str
    coordinate: str
    definition: GraphQLField | None
    arguments: Mapping[str, Any]
    size: int
    inner: tuple["Selection", ...]

    @property
    def name(self) -> str:
        return self.coordinate.partition(".")[2]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    fields: tuple[Selected, ...]


class Selector:
    """Reads one operation with its variables."""

    def __init__(self, schema: GraphQLSchema, runnable: RunnableOperation, page_default: int) -> None:
        self._schema = schema
        self._operation = runnable.operation
        self._variables = runnable.variables
        self._page_default = page_default
        self._fragments = runnable.document.facts.fragments
        self._selections: dict[tuple[Any, ...], Selection] = {}
        # Whether a field was left out because these variables make its arguments wrong. Other variables may not.
        self.has_left_out = False

    def operation(self) -> Selection:
        return self._selection((self._operation.selection_set,), self._root(), None)

    def root_fields(self) -> Groups:
        """The root fields of the operation by response key."""
        groups: Groups = {}
        self._collect(self._operation.selection_set, self._root(), groups, set())
        return groups

    def mistakes(self) -> list[GraphQLError]:
        """The mistakes in the arguments of the root fields, each with its place."""
        root = self._root()
        found = []
        for key, (node, *_) in self.root_fields().items():
            try:
                if definition := root.fields.get(node.name.value):
                    get_argument_values(definition, node, self._variables)
            except GraphQLError as error:
                located = error.nodes or [node]
                found.append(GraphQLError(error.message, located, path=[key], extensions=error.extensions))
        return found

    def _root(self) -> GraphQLObjectType:
        root = self._schema.get_root_type(self._operation.operation)
        assert isinstance(root, GraphQLObjectType), "validation has refused operations without a root type"
        return root

    def _selection(self, sets: tuple[SelectionSetNode, ...], parent: GraphQLObjectType, page: Page) -> Selection:
        slot = (parent.name, page, *map(id, sets))
        known = self._selections.get(slot)
        if known is None:
            groups: Groups = {}
            visited: set[str] = set()
            for one in sets:
                self._collect(one, parent, groups, visited)
            fields = (self._field(key, nodes, parent, page) for key, nodes in groups.items())
            known = self._selections[slot] = Selection(tuple(field for field in fields if field is not None))
        return known

    def _collect(
        self,
        selections: SelectionSetNode,
        parent: GraphQLObjectType,
        groups: Groups,
        seen: set[str],
    ) -> None:
        for node in selections.selections:
            if not self._is_included(node):
                continue
            if isinstance(node, FieldNode):
                groups.setdefault((node.alias or node.name).value, []).append(node)
            elif (found := self._spread(node, seen)) and self._applies(found.type_condition, parent):
                self._collect(found.selection_set, parent, groups, seen)

    def _spread(self, node: Any, seen: set[str]) -> Any:
        """The inline fragment, or the fragment of the spread; None for a fragment that the selection already has."""
        name = getattr(node, "name", None)
        if name is None:
            return node
        if name.value in seen:
            return None
        seen.add(name.value)
        return self._fragments[name.value]

    def _applies(self, condition: Any, parent: GraphQLObjectType) -> bool:
        kind = self._schema.get_type(condition.name.value) if condition else parent
        return kind is parent or (is_abstract_type(kind) and self._schema.is_sub_type(kind, parent))

    def _is_included(self, node: SelectionNode) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return not (skip and skip["if"]) and not (include and not include["if"])

    def _field(self, key: str, nodes: list[FieldNode], parent: GraphQLObjectType, page: Page) -> Selected | None:
        name = nodes[0].name.value
        coordinate, definition = f"{parent.name}.{name}", parent.fields.get(name)
        if definition is None:
            return Selected(key, coordinate, None, {}, 1, ())
        try:
            arguments = get_argument_values(definition, nodes[0], self._variables)
        except GraphQLError:
            # The execution reports this error with its place.
            self.has_left_out = True
            return None
        size, inner_page = self._size(coordinate, name, arguments, page)
        return Selected(key, coordinate, definition, arguments, size, self._inner(definition, nodes, inner_page))

    def _inner(self, definition: GraphQLField, nodes: list[FieldNode], page: Page) -> tuple[Selection, ...]:
        named = get_named_type(definition.type)
        if not is_composite_type(named):
            return ()
        sets = tuple({id(node.selection_set): node.selection_set for node in nodes if node.selection_set}.values())
        if isinstance(named, GraphQLObjectType):
            return (self._selection(sets, named, page),)
        return tuple(self._selection(sets, kind, page) for kind in self._schema.get_possible_types(named))

    def _size(self, coordinate: str, name: str, arguments: Mapping[str, Any], page: Page) -> tuple[int, Page]:
        """The number of values, and the page size that the field passes to its own fields."""
        listed = SIZES.get(coordinate)
        if listed is None:
            return (page[1] if page and name in page[0] else 1), None
        slices = [length(arguments[one]) for one in values_of(listed.slicing_arguments) if one in arguments]
        assumed = listed.assumed_size if isinstance(listed.assumed_size, int) else 1
        assumed = self._page_default if listed.slicing_arguments and listed.sized_fields else assumed
        size = max([one for one in slices if one is not None], default=assumed)
        fields = frozenset(values_of(listed.sized_fields))
        return (1, (fields, size)) if fields else (size, None)


def length(value: Any) -> int | None:
    """The size that a slicing argument gives: a number, or the length of a list; None for another value."""
    if isinstance(value, list):
        return len(value)
    # The resolver refuses a negative size. Here it must not make the cost negative.
    return max(0, value) if isinstance(value, int) and not isinstance(value, bool) else None
