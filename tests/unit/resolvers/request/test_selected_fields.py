"""The selected fields of a document decide which callers may send it. graphql-core's typed walk checks them."""

import pytest
from graphql import TypeInfo, TypeInfoVisitor, Visitor, get_named_type, parse, visit
from support.odd import core
from support.operations import random_operation

from resolvers.request.selected_fields import selected_fields
from resolvers.schema import schema

OURS = schema._schema  # noqa: SLF001 - strawberry offers no public way to graphql-core's.


class Walk(Visitor):
    def __init__(self, types):
        super().__init__()
        self.types, self.found = types, set()

    def enter_field(self, node, *_):
        self.found.add(f"{get_named_type(self.types.get_parent_type()).name}.{node.name.value}")


def told_again(document, core):
    types = TypeInfo(core)
    walk = Walk(types)
    visit(document, TypeInfoVisitor(types, walk))
    return walk.found


@pytest.mark.parametrize("core", [OURS, core()], ids=["ours", "odd"])
@pytest.mark.parametrize("operation,count", [("query", 20), ("mutation", 4)])
def test_random_documents_select_what_graphql_core_says(core, operation, count):
    selected = 0
    for seed in range(count):
        _, document, _ = random_operation(core, seed, operation)
        assert selected_fields(document, core) == told_again(document, core)
        selected += len(selected_fields(document, core))
    assert selected >= count


@pytest.mark.parametrize(
    "text",
    [
        '{ __typename __schema { types { fields { type { ofType { name } } } } } __type(name: "Client") { name } }',
        """query A { ...F } query B { node(id: "x") { id ... on Client { fullName ... { email } } } }
           fragment F on Query { client(by: {clientNumber: 1}) { balances { currency } } }""",
        """{ client(by: {clientNumber: 1}) @skip(if: true) {
               ... @include(if: false) { live { totalFloatingBalance { amount } } } } }""",
    ],
)
def test_documents_of_other_forms_select_what_graphql_core_says(text):
    document = parse(text)

    assert selected_fields(document, OURS) == told_again(document, OURS)
