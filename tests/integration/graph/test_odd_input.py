"""What is well formed and still cannot be: hidden null characters, keys beyond any database, texts without end."""

import base64
import json

import pytest
from support.mutations import deposit, new_key, request

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]


def encoded(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


HIDDEN_NULLS = [
    '{ tradingAccount(by: { account: { server: "R1", login: "\\u{0}" } }) { login } }',
    '{ clients(filter: { search: "a\\u{0000}b" }) { totalCount } }',
    '{ instruction(by: { idempotencyKey: "\\u{0}" }) { status } }',
    'query ($login: String = "\\u{0}") { tradingAccount(by: { account: { server: "R1", login: $login } }) { login } }',
]


@pytest.mark.parametrize("query", HIDDEN_NULLS)
def test_a_null_character_behind_an_escape_is_refused_with_its_place(graph, query):
    response = graph.post(query)

    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert error["locations"] == [{"line": 1, "column": query.rindex('"', 0, query.index("\\u{")) + 1}]


def test_a_null_character_by_get_is_refused_too(graph):
    query = '{ tradingAccount(by: { account: { server: "R1", login: "\\u0000" } }) { login } }'
    headers = {"authorization": "Bearer demo-operator"}

    response = graph.client.get(f"{graph.url}/graphql", params={"query": query}, headers=headers)

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_mutation_with_a_hidden_null_character_writes_nothing(graph, database):
    before = await database.fetchval("SELECT count(*) FROM brokergraph.instruction")

    response = graph.post(
        """mutation { deposit(input: { account: { account: { server: "R1", login: "61436" } }, amount: "1.00",
             currency: USD, idempotencyKey: "hidden-null", note: "\\u{0}" }) { __typename } }"""
    )

    assert response.status_code == 400
    assert await database.fetchval("SELECT count(*) FROM brokergraph.instruction") == before


@pytest.mark.parametrize("identity", ["TradingAccount:R1/\x00", "TradingAccount:\x00/1", "\x00:1"])
def test_an_id_with_a_null_character_was_never_one(graph, identity):
    body = graph.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": encoded(identity)})

    assert body["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


CLIENTS = "query ($after: String!) { list: clients(first: 1, after: $after) { nodes { id } } }"
ACCOUNTS = CLIENTS.replace("list: clients", "client(by: { clientNumber: 500608 }) { list: tradingAccounts") + "}"
INSTRUCTIONS = ACCOUNTS.replace("tradingAccounts", "instructions")


@pytest.mark.parametrize(
    "query, key",
    [
        (CLIENTS, ["clients", 2**63]),
        (CLIENTS, ["clients", -(2**63)]),
        (CLIENTS, ["clients", 2**200]),
        (INSTRUCTIONS, ["instructions", 2**63]),
        (ACCOUNTS, ["accounts", "R1", "\x00"]),
        (ACCOUNTS, ["accounts", "\x00", "1"]),
    ],
)
def test_a_cursor_that_no_database_could_have_made_is_bad_input(graph, query, key):
    body = graph.ask(query, {"after": encoded(json.dumps(key, separators=(",", ":")))})

    [error] = body["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}


def test_a_cursor_behind_every_client_leads_to_an_empty_page(graph):
    assert graph.data(CLIENTS, {"after": encoded('["clients",99999999999]')}) == {"list": {"nodes": []}}


async def test_a_note_has_an_end(graph, database):
    before = await database.fetchval("SELECT count(*) FROM brokergraph.instruction")

    refused = deposit(graph, "R1", "61436", note="n" * 1001)

    assert refused["issues"] == [
        {"path": ["note"], "rule": "length", "message": "note must have at most 1000 characters."}
    ]
    assert await database.fetchval("SELECT count(*) FROM brokergraph.instruction") == before


def test_what_goes_to_the_crm_has_an_end(graph, well_behaved):
    refused = request(graph, "C0500608", {"wta": {"group": "g" * 201}}, key=new_key())

    assert refused["issues"] == [
        {
            "path": ["platform", "wta", "group"],
            "rule": "length",
            "message": "group must have at most 200 characters.",
        }
    ]
    assert well_behaved.calls("broctagon")["total"] == 0


def test_introspection_may_not_be_asked_over_and_over(graph):
    aliases = " ".join(f"a{n}: fields {{ name type {{ name }} }}" for n in range(31))

    response = graph.post(f"{{ __schema {{ types {{ {aliases} }} }} }}")

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


def test_head_answers_as_a_get_without_an_operation_does(graph):
    headers = {"authorization": "Bearer demo-operator"}

    asked = graph.client.head(f"{graph.url}/graphql", params={"query": "{ viewer { name } }"}, headers=headers)
    empty = graph.client.get(f"{graph.url}/graphql", headers=headers)

    assert asked.status_code == empty.status_code == 400
    assert asked.headers["content-type"] == empty.headers["content-type"]


def test_a_name_of_the_callers_does_not_fill_the_log(graph):
    name = "Endless" + "x" * 200
    headers = {"content-type": "application/json", "authorization": "Bearer demo-operator"}
    body = json.dumps({"query": f"query {name} {{ viewer {{ name }} }}", "operationName": name})

    response = graph.client.post(f"{graph.url}/graphql", content=body, headers=headers)

    assert response.json() == {"data": {"viewer": {"name": "demo-operator"}}}
    assert name[:100] in graph.written()
    assert name[:101] not in graph.written()


def test_a_name_has_an_end(graph):
    name = "Endless" + "x" * 100_000

    response = graph.post(f"query {name} {{ viewer {{ name }} }}", operationName=name)

    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "`operationName` is longer than 256 characters."
