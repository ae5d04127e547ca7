from typing import Any

import strawberry

from resolvers.fields.declare import field
from resolvers.fields.ids import NodeId
from resolvers.fields.rendering import column
from resolvers.policy.authorization import public


@public("a caller that may read the object may read its id")
@strawberry.interface(description="An object with a permanent id.")
class Node:
    @strawberry.field(description="Permanent and opaque; `node(id:)` finds the object again.")
    def id(self) -> strawberry.ID:
        raise NotImplementedError


def node_id(node: NodeId[Any], description: str) -> Any:
    """The field `id` of a type with ids of this format."""

    def of(root: Any) -> strawberry.ID:
        return node.of(root)

    return field(description, column(node.sql, *node.names), resolver=of)
