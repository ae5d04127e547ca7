"""The selected fields of a document decide which callers may send it. graphql-core's typed walk checks them."""

import pytest
from graphql import TypeInfo, TypeInfoVisitor, Visitor, get_named_type, parse, validate, visit
from support.odd import core
from support.operations import random_operation

from resolvers.request.document_facts import collect_facts
from resolvers.schema import core_schema


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


@pytest.mark.parametrize("core", [core_schema, core()], ids=["ours", "odd"])
@pytest.mark.parametrize("operation,count", [("query", 20), ("mutation", 4)])
def test_random_documents_select_what_graphql_core_says(core, operation, count):
    selected = 0
    for seed in range(count):
        _, document, _ = random_operation(core, seed, operation)
        assert validate(core, document) == []
        found = collect_facts(document, core).fields
        assert found == told_again(document, core)
        selected += len(found)
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

    assert collect_facts(document, core_schema).fields == told_again(document, core_schema)


CONDITIONS = """
query A($a: Boolean = true, $b: Boolean!) { viewer { name @skip(if: $a) ...F @include(if: $b) } }
query B($a: Boolean = true) { viewer { ...G } }
query C { viewer { name @skip(if: true) } }
fragment F on Viewer { ...G @skip(if: $b) scopes @include(if: $a) }
fragment G on Viewer { name ... @include(if: $a) { scopes } }
"""


@pytest.mark.parametrize("name, lines", [("A", [2, 5, 6]), ("B", [6]), ("C", [])])
def test_an_operation_has_the_nullable_conditions_that_it_reaches(name, lines):
    facts = collect_facts(parse(CONDITIONS), core_schema)

    found = facts.nullable_conditions(facts.operations[name])

    assert sorted(one.loc.start_token.line for one in found) == lines


def test_a_cost_depends_on_sizes_and_on_conditions_and_on_no_other_variable():
    text = """query ($n: Int, $skip: Boolean!, $id: ID!, $ids: [ID!]!) {
        clients(first: $n) { totalCount @skip(if: $skip) } nodes(ids: $ids) { id } node(id: $id) { id } }"""

    assert collect_facts(parse(text), core_schema).counted_variables == ("ids", "n", "skip")
