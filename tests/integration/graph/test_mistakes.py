"""Mistakes that are told before anything runs, with their places: in conditions, variables, literals and mutations."""

import pytest
from support.mutations import new_key
from test_odd_input import encoded

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]


CONDITIONS = [
    "query ($x: Boolean = true) { viewer { name @skip(if: $x) } }",
    "query ($x: Boolean = true) { viewer { name ... @include(if: $x) { name } } }",
    "query ($x: Boolean = true) { viewer { ...f } } fragment f on Viewer { name @skip(if: $x) }",
]


@pytest.mark.parametrize("query", CONDITIONS)
def test_a_condition_that_is_null_is_refused_with_its_place(graph, query):
    for _ in range(3):
        response = graph.post(query, {"x": None})

        assert response.status_code == 400
        [error] = response.json()["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
        assert "'$x' is null" in error["message"]
        assert error["locations"] == [{"line": 1, "column": query.index("if:") + 1}]
    assert graph.data(query, {"x": False})
    assert graph.data(query)


def test_a_condition_of_another_operation_may_be_null(graph):
    query = f"{CONDITIONS[0].replace('query', 'query A')} query B($x: Boolean) {{ clients(first: 1) {{ totalCount }} }}"
    assert graph.post(query.replace("($x: Boolean)", ""), {"x": None}, operationName="B").status_code == 200


TWO_DEPOSITS = """mutation ($c: CurrencyCode = USD, $x: Boolean = false, $key: ID!) {
  a: deposit(input: { account: { account: { server: "R1", login: "61436" } }, amount: "1.00", currency: USD,
                      idempotencyKey: $key }) { __typename }
  b: deposit(input: { account: { account: { server: "R1", login: "61436" } }, amount: "1.00", currency: $c,
                      idempotencyKey: "never" }) { __typename ... on MutationError { code @skip(if: $x) } } }"""


@pytest.mark.parametrize("wrong, path", [({"c": None}, ["b"]), ({"x": None}, None)])
async def test_what_is_wrong_with_a_later_mutation_is_told_before_the_first_one_runs(graph, database, wrong, path):
    before = await database.fetchval("SELECT count(*) FROM brokergraph.instruction")

    body = graph.post(TWO_DEPOSITS, {"key": new_key(), **wrong}).json()

    [error] = body["errors"]
    assert error.get("path") == path
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert error["locations"]
    assert not body.get("data")
    assert await database.fetchval("SELECT count(*) FROM brokergraph.instruction") == before


@pytest.mark.parametrize("identity", ["garbage", encoded("Client:500014"), encoded("TradingAccount:R1")])
def test_a_deposit_into_what_is_no_account_takes_nothing_from_the_mutation_before(graph, identity):
    query = TWO_DEPOSITS.replace(
        'b: deposit(input: { account: { account: { server: "R1", login: "61436" } }',
        "b: deposit(input: { account: { id: $id }",
    )
    query = query.replace("$key: ID!", "$key: ID!, $id: ID!").replace(
        "code @skip(if: $x)", "code @skip(if: $x) ... on ValidationFailed { issues { path rule message } }"
    )

    data = graph.data(query, {"key": new_key(), "id": identity})

    assert data["a"]["__typename"] == "DepositConfirmed"
    [issue] = data["b"]["issues"]
    assert (issue["path"], issue["rule"]) == (["account", "id"], "id")
    assert "id" in issue["message"]


@pytest.mark.parametrize(
    "declared, given, said",
    [
        ("$v: Int!", "500608", "Variable '$v' has invalid value: Int cannot represent non-integer value: '500608'"),
        ("$v: [CurrencyCode!]!", ["USD", "bad"], "Variable '$v' has invalid value at [1]: A CurrencyCode is"),
        (
            "$v: DepositInput!",
            {"amount": 5},
            "Variable '$v' has invalid value at .amount: A Decimal is written as a string",
        ),
    ],
)
def test_what_is_wrong_with_a_variable_names_it_and_the_place_inside(graph, declared, given, said):
    fields = {
        "$v: Int!": "clients(first: $v) { totalCount }",
        "$v: [CurrencyCode!]!": "client(by: {clientNumber: 500608}) { balances(currencies: $v) { cash } }",
        "$v: DepositInput!": "deposit(input: $v) { __typename }",
    }[declared]
    kind = "mutation" if "deposit" in fields else "query"

    response = graph.post(f"{kind} ({declared}) {{ {fields} }}", {"v": given})

    errors = [error for error in response.json()["errors"] if error["message"].startswith(said)]
    assert len(errors) == 1, response.text
    assert errors[0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert errors[0]["locations"] == [{"line": 1, "column": len(kind) + 3}]


@pytest.mark.parametrize(
    "query, text",
    [
        ('{ client(by: {clientNumber: 500608}) { balances(currencies: ["usd"]) { cash } } }', '"usd"'),
        ("{ client(by: {clientNumber: 500608}) { balances(currencies: [usd]) { cash } } }", "usd"),
        (
            "mutation { deposit(input: {account: {id: 1}, amount: 5.5 currency: USD idempotencyKey: 1}) {__typename} }",
            "5.5",
        ),
    ],
)
def test_a_literal_that_is_no_amount_or_currency_has_a_place(graph, query, text):
    response = graph.post(query)

    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["locations"] == [{"line": 1, "column": query.index(text) + 1}]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize("query", ["{ }", "{ viewer { } }", "query { ...f } fragment f on Query { viewer { } }"])
def test_a_selection_of_nothing_is_no_document(graph, query):
    response = graph.post(query)

    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "GRAPHQL_PARSE_FAILED"}
    assert error["locations"] == [{"line": 1, "column": query.index("{ }") + 3}]
