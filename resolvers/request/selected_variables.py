"""The variables that change the answers of a subscription, and not only its source."""

from collections.abc import Mapping
from typing import Any

from graphql import DocumentNode, FieldNode, Node, OperationDefinitionNode, VariableNode, Visitor, visit


class _Names(Visitor):
    def __init__(self, source: FieldNode | None) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._source = source

    def enter_variable_definition(self, *_: Any) -> Any:
        return self.SKIP

    def enter_argument(self, _node: Node, _key: Any, _parent: Any, _path: Any, ancestors: list[Any]) -> Any:
        return self.SKIP if ancestors and ancestors[-1] is self._source else None

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.found.add(node.name.value)


def selected_variables(
    tree: DocumentNode, operation: OperationDefinitionNode, raw: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The variables without those that only stand in arguments of the root field. A root field inside a fragment is not
    looked for: all its variables are returned.
    """
    if not raw:
        return raw
    root = operation.selection_set.selections[0]
    names = _Names(root if isinstance(root, FieldNode) else None)
    visit(tree, names)
    return {name: value for name, value in raw.items() if name in names.found}
