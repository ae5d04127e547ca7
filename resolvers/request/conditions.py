"""Whether @skip and @include can be decided, known before anything runs.

A nullable variable with a default may stand where true or false must, and be given as null. An execution finds that out
when it gets there: perhaps after a mutation, and the answer would then not show the mutation's outcome.
"""

from collections.abc import Sequence
from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    NonNullTypeNode,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.values import VariableValues

_CONDITIONS = ("skip", "include")


class _Finding(Visitor):
    """Finds the conditions that depend on one of these variables, and the fragments that are spread."""

    def __init__(self, names: frozenset[str]) -> None:
        super().__init__()
        self._names = names
        self.found: list[ArgumentNode] = []
        self.spread: dict[str, None] = {}

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        if node.name.value in _CONDITIONS:
            self.found += [one for one in node.arguments or () if _variable(one) in self._names]

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.spread[node.name.value] = None


def conditions(document: DocumentNode, operation: OperationDefinitionNode) -> Sequence[ArgumentNode]:
    """Where the operation decides on a variable that may be null."""
    nullable = [one for one in operation.variable_definitions or () if not isinstance(one.type, NonNullTypeNode)]
    if not nullable:
        return ()
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    finding = _Finding(frozenset(one.variable.name.value for one in nullable))
    visit(operation, finding)
    seen: set[str] = set()
    while ahead := finding.spread.keys() - seen:
        seen |= ahead
        for name in sorted(ahead):
            visit(fragments[name], finding)
    return tuple(finding.found)


def undecided(conditions: Sequence[ArgumentNode], variables: VariableValues) -> list[GraphQLError]:
    """One error for each condition that is null."""
    return [
        GraphQLError(
            f"A condition is true or false; the variable '${name}' is null.",
            node,
            extensions={"code": "BAD_USER_INPUT"},
        )
        for node in conditions
        if variables.coerced.get(name := _variable(node)) is None
    ]


def _variable(node: ArgumentNode) -> str:
    """The variable that the argument is; no name where it is none."""
    return node.value.name.value if isinstance(node.value, VariableNode) else ""
