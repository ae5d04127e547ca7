"""What is known of an operation before it runs."""

from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    get_named_type,
)


def selected_fields(document: DocumentNode, schema: GraphQLSchema) -> frozenset[str]:
    """Every field that a valid document selects, each fragment looked at once."""
    found: set[str] = set()
    ahead = [
        (node.selection_set, _parent(node, schema)) for node in document.definitions if isinstance(node, _SELECTING)
    ]
    while ahead:
        chosen, parent = ahead.pop()
        for node in chosen.selections:
            on: Any = parent
            if isinstance(node, FieldNode):
                found.add(f"{parent.name}.{node.name.value}")
                field = schema.get_field(parent, node.name.value)
                on = None if field is None else get_named_type(field.type)
            elif isinstance(node, InlineFragmentNode) and node.type_condition is not None:
                on = schema.get_type(node.type_condition.name.value)
            below = getattr(node, "selection_set", None)
            if below is not None and on is not None:
                ahead.append((below, on))
    return frozenset(found)


_SELECTING = (OperationDefinitionNode, FragmentDefinitionNode)


def _parent(node: OperationDefinitionNode | FragmentDefinitionNode, schema: GraphQLSchema) -> Any:
    if isinstance(node, FragmentDefinitionNode):
        return schema.get_type(node.type_condition.name.value)
    return schema.get_root_type(node.operation)
