"""What operations cost, reckoned from document, variables and the schema's directives alone."""

import re
import time
from pathlib import Path

import pytest
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, get_named_type, is_composite_type, parse
from graphql.execution.values import get_variable_values

from resolvers.context import GraphLimits
from resolvers.federation import federated
from resolvers.policy.cost_table import PRICES, SIZES, values_of
from resolvers.request.budget import Charging
from resolvers.request.cost import Costs, OperationCost
from resolvers.request.document_facts import collect_facts
from resolvers.request.document_limits import DocumentLimits
from resolvers.request.documents import Document, Documents, RunnableOperation, Unacceptable
from resolvers.schema import core_of, core_schema

WIDE = DocumentLimits(depth=1000, fields=10**30, aliases=10**30, directives=10**30, tokens=100_000, root_fields=1000)
LIMITS = Path(__file__).parents[4] / "docs" / "limits.md"


def reckoned(
    text: str, variables: dict | None = None, page_default: int = 50, costs: Costs | None = None
) -> OperationCost:
    document = Documents(core_schema, WIDE, introspection=True).read(text)
    operation = document.operation(None)
    coerced = get_variable_values(core_schema, operation.variable_definitions or (), variables or {})
    return (costs or Costs(core_schema, page_default)).of(RunnableOperation(document, operation, coerced))


def test_the_example_of_the_documentation_is_right():
    text = LIMITS.read_text()
    query = re.search(r"```graphql\n(.*?)```", text, re.DOTALL)[1]
    told = int(re.search(r"\*\*([\d,]+)\*\*", text)[1].replace(",", ""))
    rows = [int(row.replace(",", "")) for row in re.findall(r"^\| `.*\| ([\d,]+) \|$", text, re.MULTILINE)]

    assert reckoned(query, {"rows": 20}).total == told == sum(rows)


@pytest.mark.parametrize(
    "query, cost",
    [
        ("{ __typename }", 0),
        ("{ viewer { name scopes } }", 1),
        ("{ viewer { name budget { remaining } } }", 2),
        ("{ clients { nodes { fullName } } }", 51),
        ("{ clients(first: 7) { nodes { fullName } } }", 8),
        ("{ clients(last: 7) { edges { node { fullName } } } }", 1 + 7 * 2),
        ("{ clients(first: 7) { totalCount } }", 11),
        ("{ instructions { totalCount nodes { status } } }", 1 + 10 + 50),
        ("{ tradingAccounts(first: 7) { totalCount nodes { login } } }", 1 + 10 + 7),
        (
            "{ clients(first: 7) { pageInfo { hasNextPage } nodes { balances { value { amount } } } } }",
            2 + 7 * (1 + 10),
        ),
        ("{ clients(first: 7) { nodes { live { clientNumber: __typename } } } }", 1 + 7 * (1 + 1000 + 1)),
        ("{ clients(first: 2) { nodes { tradingAccounts(first: 3) { nodes { live { equity } } } } } }", 2 * 26 + 1),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 3),
        ("{ tradingServers { name } }", 10),
        ("{ __schema { types { name } } }", 50),
    ],
)
def test_what_is_counted(query, cost):
    assert reckoned(query).total == cost


def test_a_field_that_is_selected_again_costs_nothing_more():
    merged = """{ clients(first: 5) { ...a ...b nodes { email } } }
        fragment a on ClientConnection { nodes { fullName webStatus { code } } }
        fragment b on ClientConnection { nodes { webStatus { text } } ...a }"""

    assert reckoned(merged).total == reckoned("{ clients(first: 5) { nodes { webStatus { code } } } }").total


def test_an_alias_costs_as_much_as_the_field():
    once = reckoned("{ clients(first: 5) { nodes { webStatus { code } } } }").total

    fields = "clients(first: 5) { nodes { webStatus { code } } }"
    assert reckoned(f"{{ a: {fields} b: {fields} }}").total == 2 * once


@pytest.mark.parametrize("live, cost", [(True, 1 + 5 * 1002), (False, 1 + 5)])
@pytest.mark.parametrize("directive", ["include(if: $asked)", "skip(if: $asked)"])
def test_what_a_variable_leaves_out_costs_nothing(live, cost, directive):
    query = f"query ($asked: Boolean!) {{ clients(first: 5) {{ nodes {{ live @{directive} {{ __typename }} }} }} }}"
    costs, asked = Costs(core_schema, 50), live is directive.startswith("include")

    # The other value first: what is remembered must not be taken for this one.
    reckoned(query, {"asked": not asked}, costs=costs)
    assert reckoned(query, {"asked": asked}, costs=costs).total == cost


def test_sizes_come_from_variables_too_and_costs_are_remembered_for_each():
    query = "query ($n: Int = 4, $ids: [ID!]!) { clients(first: $n) { nodes { id } } nodes(ids: $ids) { id } }"
    document = Documents(core_schema, WIDE, introspection=True).read(query)
    operation, costs = document.operation(None), Costs(core_schema, 50)

    def cost(**variables):
        coerced = get_variable_values(core_schema, operation.variable_definitions, variables)
        return costs.of(RunnableOperation(document, operation, coerced)).total

    assert [cost(ids=[]), cost(ids=["a", "b"]), cost(n=9, ids=["a"]), cost(n=None, ids=[]), cost(ids=["x", "y"])] == [
        5,
        7,
        11,
        51,
        7,
    ]


def test_a_page_without_a_size_is_the_settings():
    assert reckoned("{ clients { nodes { id } } }", page_default=10).total == 11


def test_the_most_expensive_field_is_named():
    cost = reckoned(
        "{ all: clients(first: 5) { nodes { fullName balances { value { amount } } mine: live { __typename } } } }"
    )

    assert cost.most_expensive == ("all", "nodes", "mine")
    assert cost.share == 5 * 1001


def test_of_the_types_that_one_value_may_have_the_most_expensive_counts():
    payload = "account { id } instruction { id }"
    order = 'deposit(input: {account: {id: "a"}, amount: "1", currency: USD, idempotencyKey: "k"})'
    both = f"mutation {{ {order} {{ ... on DepositConfirmed {{ {payload} }} ... on MutationError {{ message }} }} }}"

    assert reckoned(both).total == 100 + 1 + 2


def doubled(levels: int) -> str:
    fragments = [
        f"fragment f{n} on Client {{ a{n}: instructions(first: 1) {{ nodes {{ client {{ ...f{n + 1} }} }} }}"
        f" b{n}: instructions(first: 1) {{ nodes {{ client {{ ...f{n + 1} }} }} }} }}"
        for n in range(levels)
    ]
    return (
        f"{{ client(by: {{clientNumber: 1}}) {{ ...f0 }} }} {' '.join(fragments)} fragment f{levels} on Client {{ id }}"
    )


def test_doubled_fragments_are_reckoned_at_once():
    tree = parse(doubled(24))
    document = Document(tree, collect_facts(tree, core_schema), {})
    operation = document.operation(None)
    started = time.process_time()

    cost = Costs(core_schema, 50).of(RunnableOperation(document, operation, get_variable_values(core_schema, (), {})))

    # Each level: a connection, an instruction and a client, twice. A walk over each path would last for days.
    assert cost.total == 1 + sum(3 * 2**level for level in range(1, 25))
    assert time.process_time() - started < 5


def test_an_operation_above_the_maximum_cost_is_refused_with_the_numbers():
    document = Documents(core_schema, WIDE, introspection=True).read(
        "{ clients(first: 10) { nodes { live { __typename } } } }"
    )
    operation = document.operation(None)
    variables = get_variable_values(core_schema, (), {})

    runnable = RunnableOperation(document, operation, variables)

    Charging(core_schema, GraphLimits(cost_max=10_021), None).cost(runnable)
    with pytest.raises(Unacceptable) as refused:
        Charging(core_schema, GraphLimits(cost_max=10_020), None).cost(runnable)

    error = refused.value.errors[0]
    assert error.extensions == {
        "code": "LIMIT_EXCEEDED",
        "cost": 10_021,
        "limit": 10_020,
        "mostExpensiveField": "clients.nodes.live",
    }
    assert "costs 10021" in error.message


def test_every_list_of_objects_has_a_size():
    # It has all fields of the other schema, too.
    schema = core_of(federated())
    handed = {
        f"{get_named_type(field.type).name}.{name}"
        for coordinate, size in SIZES.items()
        for field in [schema.type_map[coordinate.partition(".")[0]].fields[coordinate.partition(".")[2]]]
        for name in values_of(size.sized_fields)
    }
    lists = {
        f"{kind.name}.{name}"
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
        for name, field in kind.fields.items()
        if is_list(field.type) and is_composite_type(get_named_type(field.type))
    }

    assert lists - handed - set(SIZES) == set()


def test_every_field_that_calls_a_vendor_has_a_price():
    vendors = {
        f"{kind.name}.{name}"
        for kind in core_schema.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
        for one in getattr(field.extensions.get("strawberry-definition"), "directives", ())
        if type(one).__name__ == "Upstream" and str(one.system.value) != "ERP_DATABASE"
    }

    assert vendors - set(PRICES) == set()


def is_list(kind) -> bool:
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    return isinstance(inner, GraphQLList)


def test_what_one_mistake_leaves_out_is_no_cheaper_for_those_after_it():
    query = "query ($a: Int = 1) { clients(first: 5, filter: {agency: [$a]}) { nodes { id } } }"
    costs = Costs(core_schema, 50)

    assert [reckoned(query, {"a": a}, costs=costs).total for a in (None, 1, None, 2)] == [0, 6, 0, 6]
