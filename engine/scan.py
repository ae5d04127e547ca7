"""Scan of an operation and its fragments: its conditions, and whether the engine supports it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)

CONDITIONS: Final = ("skip", "include")
# graphql-core answers introspection, because it is not among the schema's own fields.
_INTROSPECTION: Final = frozenset({"__schema", "__type"})
# Directives that change how a whole operation runs.
_UNSUPPORTED_DIRECTIVES: Final = frozenset({"defer", "stream", "experimental_disableErrorPropagation"})
# A level costs the engine up to fifteen nested calls, and Python allows a thousand.
_MAX_DEPTH: Final = 50

Fragments = Mapping[str, FragmentDefinitionNode]


@dataclass(slots=True)
class OperationScan:
    """Result of a scan. `conditions` are the variables of @skip and @include."""

    conditions: frozenset[str]
    is_supported: bool


def scan_operation(operation: OperationDefinitionNode, fragments: Fragments) -> OperationScan:
    """Scan one operation. The other operations of the document have no influence."""
    walk = _Walk(fragments)
    walk.directives(operation.directives)
    walk.selections(operation.selection_set)
    return OperationScan(frozenset(walk.conditions), walk.is_supported)


class _Walk:
    def __init__(self, fragments: Fragments) -> None:
        self._fragments = fragments
        # The greatest depth at which each fragment was spread.
        self._seen: dict[str, int] = {}
        self.conditions: set[str] = set()
        self.is_supported = True

    def selections(self, first: SelectionSetNode) -> None:
        ahead: list[tuple[SelectionSetNode, int]] = [(first, 1)]
        while ahead:
            chosen, depth = ahead.pop()
            for node in chosen.selections:
                if node.directives:
                    self.directives(node.directives)
                below = self._below(node, depth)
                if below is not None:
                    ahead.append((below, depth + isinstance(node, FieldNode)))

    def _below(self, node: SelectionNode, depth: int) -> SelectionSetNode | None:
        if isinstance(node, FieldNode):
            self.is_supported = self.is_supported and node.name.value not in _INTROSPECTION and depth <= _MAX_DEPTH
            return node.selection_set
        if isinstance(node, InlineFragmentNode):
            return node.selection_set
        assert isinstance(node, FragmentSpreadNode)
        return self._spread(node.name.value, depth)

    def _spread(self, name: str, depth: int) -> SelectionSetNode | None:
        fragment = self._fragments.get(name)
        # A fragment below the maximum depth is not scanned, and the operation is not supported.
        self.is_supported = self.is_supported and depth <= _MAX_DEPTH
        if fragment is None or self._seen.get(name, 0) >= depth or depth > _MAX_DEPTH:
            return None
        self._seen[name] = depth
        self.is_supported = self.is_supported and not fragment.variable_definitions
        return fragment.selection_set

    def directives(self, given: Sequence[DirectiveNode] | None) -> None:
        for directive in given or ():
            if directive.name.value in CONDITIONS:
                values = [one.value for one in directive.arguments or ()]
                self.conditions.update(one.name.value for one in values if isinstance(one, VariableNode))
            elif directive.name.value in _UNSUPPORTED_DIRECTIVES:
                self.is_supported = False
