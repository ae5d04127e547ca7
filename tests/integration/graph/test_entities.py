"""The fields for a federation gateway: all representations of a request in one batch for each type."""

import pytest
from support.graphs import running_graph
from support.served import query

pytestmark = pytest.mark.usefixtures("well_behaved")

ENTITIES = """query ($of: [_Any!]!) { _entities(representations: $of) { __typename
  ... on Client { clientNumber agency } ... on TradingAccount { login server { name } } } }"""
CLIENTS = "SELECT client_number, agency FROM brokergraph_erp.client ORDER BY client_number LIMIT 60"
ACCOUNTS = """SELECT server, login, c.agency FROM brokergraph_erp.trading_account
  JOIN brokergraph_erp.client c USING (client_number) ORDER BY server, login LIMIT 40"""


@pytest.fixture(scope="module", params=["engine", "graphql-core"])
def federated(request, box):
    with running_graph(box, FEDERATION__ENABLED="true", SERVER__EXECUTOR=request.param) as graph:
        yield graph


def client(number):
    return {"__typename": "Client", "clientNumber": number}


def account(server, login):
    return {"__typename": "TradingAccount", "server": {"name": server}, "login": login}


def given(box):
    """A hundred representations of two types, in turns, each with its answer and its agency."""
    clients = [
        (client(row[0]), {**client(row[0]), "agency": row[1]}, row[1]) for row in query(box.database_url, CLIENTS)
    ]
    accounts = [(account(*row[:2]), account(*row[:2]), row[2]) for row in query(box.database_url, ACCOUNTS)]
    return [one for pair in zip(clients, accounts, strict=False) for one in pair] + clients[40:]


def test_a_hundred_representations_of_two_types_cost_one_statement_for_each_type(federated, box):
    asked = given(box)
    body = federated.ask(ENTITIES, {"of": [one for one, _, _ in asked]}, explain=True)

    assert len(asked) == 100
    assert "errors" not in body
    assert body["data"]["_entities"] == [answer for _, answer, _ in asked]
    expected = {"ERP_DATABASE": {"calls": 2, "keys": 100}}
    assert body["extensions"]["plan"]["actual"] == body["extensions"]["plan"]["predicted"] == expected


def test_a_caller_gets_null_for_an_object_of_another_agency(federated, box):
    asked = given(box)
    body = federated.ask(ENTITIES, {"of": [one for one, _, _ in asked]}, key="demo-partner")

    assert "errors" not in body
    assert body["data"]["_entities"] == [answer if agency == 1 else None for _, answer, agency in asked]
    assert len({agency for _, _, agency in asked}) > 1


WRONG = [
    client("500608"),
    client(True),
    client(-1),
    client(1 << 40),
    {"__typename": "Client"},
    {"__typename": "Instruction", "id": "x"},
    {"__typename": 7},
    {"__typename": []},
    {"__typename": {}},
    {},
    "Client",
    account("R1", 61436),
    {"__typename": "TradingAccount", "server": "R1", "login": "61436"},
]


@pytest.mark.parametrize("explain", [False, True], ids=["answer", "call-plan"])
def test_a_wrong_representation_costs_only_its_own_answer(federated, explain):
    asked = [client(500608), *WRONG, client(1), account("R1", "0"), account("X", "1")]
    body = federated.ask(ENTITIES, {"of": asked}, explain=explain)

    first, *rest = body["data"]["_entities"]
    assert first["clientNumber"] == 500608
    assert rest == [None] * (len(WRONG) + 3)
    # An unknown object is no error.
    assert [error["path"] for error in body["errors"]] == [["_entities", place] for place in range(1, len(WRONG) + 1)]
    assert {error["extensions"]["code"] for error in body["errors"]} == {"BAD_USER_INPUT"}


def test_representations_are_bounded_and_charged(federated):
    too_many = federated.ask(ENTITIES, {"of": [client(1)] * 201})
    costs = [
        federated.post(ENTITIES, {"of": [client(1)] * count}, extensions={"cost": True}).json()["extensions"]["cost"]
        for count in (1, 100)
    ]

    assert "at most 200" in too_many["errors"][0]["message"]
    assert costs[1]["requested"] > 50 * costs[0]["requested"]


def test_a_caller_needs_the_scope_of_the_type_and_for_the_schema(federated):
    own = federated.ask(ENTITIES, {"of": [client(500608)]}, key="demo-reader")["data"]["_entities"]
    sdl = federated.ask("{ _service { sdl } }")["data"]["_service"]["sdl"]
    refused = federated.ask("{ _service { sdl } }", key="demo-reader")

    assert own[0]["clientNumber"] == 500608
    assert 'type Client implements Node @key(fields: "clientNumber")' in sdl
    assert 'type TradingAccount implements Node @key(fields: "server { name } login")' in sdl
    assert "_entities" not in sdl
    assert refused["errors"][0]["extensions"] == {"code": "FORBIDDEN", "requiredScopes": ["schema:read"]}


def test_a_graph_without_the_setting_has_no_such_field(graph):
    body = graph.post(ENTITIES, {"of": []}).json()

    assert body["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
