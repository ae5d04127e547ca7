"""Whatever is sent: a clear refusal with its place, never a server error, never half a write."""

import json

import pytest

pytestmark = [pytest.mark.anyio]

DEPOSIT = "mutation ($input: DepositInput!) { deposit(input: $input) { __typename } }"
GOOD = {
    "account": {"account": {"server": "R1", "login": "61436"}},
    "amount": "1.00",
    "currency": "USD",
    "idempotencyKey": "bad-input",
}
BAD_VARIABLES = [
    {"amount": 1},
    {"amount": 1.5},
    {"amount": "NaN"},
    {"amount": "Infinity"},
    {"amount": "1e400"},
    {"amount": "1E-8"},
    {"amount": "+1"},
    {"amount": "1."},
    {"amount": ".5"},
    {"amount": " 1"},
    {"amount": "1,000"},
    {"amount": "1" * 40},
    {"amount": "0." + "1" * 40},
    {"amount": "\u0661"},
    {"amount": None},
    {"amount": ["1"]},
    {"amount": True},
    {"currency": "usd"},
    {"currency": "U"},
    {"currency": "TOOLONG"},
    {"currency": 5},
    {"currency": ""},
    {"account": {}},
    {"account": {"id": None}},
    {"account": {"account": {"server": "R1"}}},
    {"account": {"id": "x", "account": {"server": "R1", "login": "1"}}},
    {"surprise": 1},
]


@pytest.mark.parametrize("wrong", BAD_VARIABLES, ids=lambda wrong: json.dumps(wrong)[:40])
async def test_a_deposit_with_a_bad_value_is_refused_whole(graph, database, wrong):
    before = await database.fetchval("SELECT count(*) FROM brokergraph.instruction")

    response = graph.post(DEPOSIT, {"input": GOOD | wrong})

    assert response.status_code == 400
    [error, *_] = response.json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["locations"] == [{"line": 1, "column": 11}]
    assert len(error["message"]) < 1000
    assert await database.fetchval("SELECT count(*) FROM brokergraph.instruction") == before


BAD_LITERALS = [
    "{ client(by: { clientNumber: 99999999999 }) { fullName } }",
    '{ client(by: { clientNumber: "1" }) { fullName } }',
    "{ client(by: {}) { fullName } }",
    "{ client(by: { clientNumber: 1, id: 2 }) { fullName } }",
    "{ client(by: { clientNumber: null }) { fullName } }",
    '{ clients(first: "5") { totalCount } }',
    "{ nothing }",
    "{ client(by: { clientNumber: 1 }) }",
    "{ viewer { name { first } } }",
    "query { ...f } fragment f on Query { ...f }",
    "query ($x: Nope) { viewer { name } }",
    "subscription { nothing }",
]


@pytest.mark.parametrize("query", BAD_LITERALS)
def test_a_document_that_does_not_fit_the_schema_is_refused_with_its_place(graph, query):
    response = graph.post(query)

    assert response.status_code == 400
    errors = response.json()["errors"]
    assert all(error["locations"] and error["extensions"]["code"] for error in errors)
    assert "data" not in response.json()


BAD_IDS = ["", "x", "garbage!!", "Q2xpZW50", "Q2xpZW50OjUwMDYwOA==", "Q2xpZW50OjUwMDYwOA ", "é", "A" * 5000]


@pytest.mark.parametrize("identity", [*BAD_IDS, "Q2xpZW50OjA1MDA2MDg", "Q2xpZW50Oi0x", "Tm90aGluZzox"])
def test_an_id_that_was_never_one_is_a_located_error(graph, identity):
    body = graph.ask("query ($id: ID!) { node(id: $id) { id } viewer { name } }", {"id": identity})

    [error] = body["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["node"], "BAD_USER_INPUT")
    assert body["data"]["viewer"]["name"] == "demo-operator"


def test_the_id_of_another_type_is_said_to_be_one(graph):
    account = graph.data('{ tradingAccount(by: { account: { server: "R1", login: "61436" } }) { id } }')
    identity = account["tradingAccount"]["id"]

    body = graph.ask("query ($id: ID!) { client(by: { id: $id }) { fullName } }", {"id": identity})

    assert "is the id of a TradingAccount, not of a Client" in body["errors"][0]["message"]


BODIES = [
    (b"", 400),
    (b"{", 400),
    (b"null", 400),
    (b"5", 400),
    (b'"text"', 400),
    (b"true", 400),
    (b"[]", 400),
    (b'[{"query":"{viewer{name}}"}]', 400),
    (b"{}", 400),
    (b'{"query":null}', 400),
    (b'{"query":5}', 400),
    (b'{"query":""}', 400),
    (b'{"query":"{viewer{name}}","variables":[]}', 400),
    (b'{"query":"{viewer{name}}","variables":"x"}', 400),
    (b'{"query":"{viewer{name}}","operationName":5}', 400),
    (b'{"query":"{viewer{name}}","operationName":"Nope"}', 400),
    (b'{"query":"{viewer{name}}","extensions":[]}', 400),
    (b'{"query":"query A{viewer{name}} query B{viewer{name}}"}', 400),
    (b'{"query":"{viewer{name}}"', 400),
    (b'\xff\xfe{"query":"{viewer{name}}"}', 400),
    (b'{"query":"{viewer{name}}\xc3\x28"}', 400),
    (b'{"query":"{viewer{name}}\\u0000"}', 400),
    (b'{"query":"{viewer{name}}","variables":{"a":"\\ud800"}}', 400),
    (b'{"query":"query($a:Int){clients(first:$a){totalCount}}","variables":{"a":' + b"1" * 10_000 + b"}}", 400),
    (b'{"query":"{viewer{name}}","variables":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}", 400),
    (b'{"query":"{viewer{name}}","variables":{"a":NaN}}', 400),
    (
        b'{"query":"query($a:String!){client(by:{account:{server:$a,login:$a}}){fullName}}","variables":{"a":"\\u0000"}}',
        400,
    ),
]


@pytest.mark.parametrize(
    "body, said",
    [(b"", "it is empty"), (b"  ", "it is empty"), (b"{}", "`documentId`"), (b'{"Query":"{ a }"}', "`documentId`")],
)
def test_what_is_missing_in_a_body_is_said(graph, body, said):
    headers = {"content-type": "application/json", "authorization": "Bearer demo-operator"}
    response = graph.client.post(f"{graph.url}/graphql", content=body, headers=headers)

    assert said in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("body, status", BODIES, ids=lambda value: repr(value)[:30])
def test_a_body_that_cannot_be_is_refused(graph, body, status):
    headers = {"content-type": "application/json", "authorization": "Bearer demo-operator"}

    response = graph.client.post(f"{graph.url}/graphql", content=body, headers=headers)

    assert response.status_code == status, response.text
    assert response.json()["errors"][0]["message"]


def chunked(size):
    for _ in range(size // 65536):
        yield b" " * 65536


@pytest.mark.parametrize("content", [b" " * 10_000_000, None], ids=["declared", "chunked"])
def test_ten_megabytes_are_too_many(graph, content):
    headers = {"content-type": "application/json", "authorization": "Bearer demo-operator"}

    response = graph.client.post(
        f"{graph.url}/graphql", content=content if content is not None else chunked(10_000_000), headers=headers
    )

    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "PAYLOAD_TOO_LARGE"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_taken_so_that_no_form_can_post(graph, content_type):
    headers = {"content-type": content_type, "authorization": "Bearer demo-operator"}

    response = graph.client.post(f"{graph.url}/graphql", content='{"query":"{viewer{name}}"}', headers=headers)

    assert response.status_code == 415


def test_a_query_may_come_by_get_and_a_mutation_may_not(graph):
    headers = {"authorization": "Bearer demo-operator"}

    answered = graph.client.get(f"{graph.url}/graphql", params={"query": "{viewer{name}}"}, headers=headers)
    refused = graph.client.get(
        f"{graph.url}/graphql",
        params={
            "query": 'mutation { createTradingAccount(input: {clientNumber: 1, idempotencyKey: "g"}) { __typename } }'
        },
        headers=headers,
    )

    assert answered.json() == {"data": {"viewer": {"name": "demo-operator"}}}
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def doubled_fragments(levels):
    fragments = [f"fragment f{n} on Viewer {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels)]
    return f"{{ viewer {{ ...f0 }} }} {' '.join(fragments)} fragment f{levels} on Viewer {{ name }}"


def nested(depth):
    inner = "clientNumber"
    for _ in range(depth):
        inner = f"tradingAccounts {{ nodes {{ client {{ {inner} }} }} }}"
    return f"{{ client(by: {{ clientNumber: 500608 }}) {{ {inner} }} }}"


LARGE = [
    doubled_fragments(24),
    nested(5),
    "{ " + " ".join(f"a{n}: viewer {{ name }}" for n in range(31)) + " }",
    "{ viewer { " + "name " * 3000 + " } }",
    "{ viewer { name " + "@include(if: true) " * 51 + "} }",
]


@pytest.mark.parametrize("query", LARGE, ids=["doubled", "deep", "aliases", "tokens", "directives"])
def test_a_document_that_asks_for_too_much_is_refused(graph, query):
    response = graph.post(query)

    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] in {"LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED"}
    assert error["locations"]


def test_a_dashboard_is_not_too_much(graph):
    aliases = " ".join(f"b{n}: balances(currencies: [USD]) {{ balance }}" for n in range(14))

    graph.data(f"{{ client(by: {{ clientNumber: 500608 }}) {{ {aliases} }} }}")


def test_nothing_of_the_above_was_an_error_of_ours(graph):
    assert "graphql.unexpected" not in graph.written()


def test_a_literal_of_ten_thousand_digits_is_the_callers_mistake_and_not_ours(graph):
    """graphql-core lets Python's own refusal through, which was answered, and logged, as a fault of the server."""
    response = graph.post("{ clients(first: " + "9" * 10_000 + ") { totalCount } }")

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
