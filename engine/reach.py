"""What an operation reaches, through its fragments: by which variables it chooses, and whether the engine runs it."""

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
    SelectionSetNode,
    VariableNode,
)

CONDITIONS: Final = ("skip", "include")
# Introspection is graphql-core's to answer: it is no part of the schema's own fields.
_INTROSPECTION: Final = frozenset({"__schema", "__type"})
# What changes how an operation runs as a whole.
_OTHERS: Final = frozenset({"defer", "stream", "experimental_disableErrorPropagation"})

Fragments = Mapping[str, FragmentDefinitionNode]


@dataclass(slots=True)
class Reach:
    """`conditions` are the variables that decide, by @skip and @include, which fields are asked for."""

    conditions: frozenset[str]
    is_ours: bool


def reach_of(operation: OperationDefinitionNode, fragments: Fragments) -> Reach:
    """What other operations of the document ask for is no concern of this one. Goes through each fragment once."""
    walk = _Walk(fragments)
    walk.directives(operation.directives)
    walk.selections(operation.selection_set)
    return Reach(frozenset(walk.conditions), walk.is_ours)


class _Walk:
    def __init__(self, fragments: Fragments) -> None:
        self._fragments = fragments
        self._seen: set[str] = set()
        self.conditions: set[str] = set()
        self.is_ours = True

    def selections(self, first: SelectionSetNode) -> None:
        ahead: list[SelectionSetNode] = [first]
        while ahead:
            for node in ahead.pop().selections:
                if node.directives:
                    self.directives(node.directives)
                if isinstance(node, FieldNode):
                    self.is_ours = self.is_ours and node.name.value not in _INTROSPECTION
                    below = node.selection_set
                elif isinstance(node, InlineFragmentNode):
                    below = node.selection_set
                else:
                    assert isinstance(node, FragmentSpreadNode)
                    below = self._spread(node.name.value)
                if below is not None:
                    ahead.append(below)

    def _spread(self, name: str) -> SelectionSetNode | None:
        fragment = self._fragments.get(name)
        if fragment is None or name in self._seen:
            return None
        self._seen.add(name)
        self.is_ours = self.is_ours and not fragment.variable_definitions
        return fragment.selection_set

    def directives(self, given: Sequence[DirectiveNode] | None) -> None:
        for directive in given or ():
            if directive.name.value in CONDITIONS:
                values = [one.value for one in directive.arguments or ()]
                self.conditions.update(one.name.value for one in values if isinstance(one, VariableNode))
            elif directive.name.value in _OTHERS:
                self.is_ours = False
