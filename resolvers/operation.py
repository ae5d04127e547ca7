"""What is known of an operation before it runs."""

from dataclasses import dataclass

from graphql import FieldNode, GraphQLSchema, Node, TypeInfo, TypeInfoVisitor, Visitor, get_named_type, visit


@dataclass(frozen=True, slots=True)
class Operation:
    """`fields` are the coordinates ("LiveAccount.equity") that its document selects anywhere."""

    fields: frozenset[str]

    def selects(self, type_name: str, *field_names: str) -> bool:
        return any(f"{type_name}.{name}" in self.fields for name in field_names)


class _Collector(Visitor):
    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.found: set[str] = set()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent = self._types.get_parent_type()
        if parent is not None:
            self.found.add(f"{get_named_type(parent).name}.{node.name.value}")


def selected_fields(document: Node, schema: GraphQLSchema) -> frozenset[str]:
    """Every field that the document selects, each fragment looked at once."""
    types = TypeInfo(schema)
    collector = _Collector(types)
    visit(document, TypeInfoVisitor(types, collector))
    return frozenset(collector.found)
