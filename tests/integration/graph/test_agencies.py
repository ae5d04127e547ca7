"""What belongs to another agency is, by any path, exactly like what does not exist."""

import base64
import subprocess
import sys

import pytest
from support.mutations import create, deposit, new_key, request

from resolvers.policy.scopes import Scope

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

PARTNER = "demo-partner"


def node_id(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def shape(response):
    """An answer without what is asked by name and without the request's own id."""
    body = response.json()
    extensions = body.get("extensions")
    if extensions:
        # The times of two calls always differ.
        extensions["plan"]["milliseconds"] = sorted(extensions["plan"]["milliseconds"])
    return response.status_code, body.get("data"), body.get("errors"), extensions


BY_PATH = [
    ("query ($v: Int!) { client(by: { clientNumber: $v }) { fullName } }", 500608, 499999),
    ("query ($v: ID!) { client(by: { id: $v }) { fullName } }", "Client:500608", "Client:499999"),
    ("query ($v: ID!) { node(id: $v) { id } }", "Client:500608", "Client:499999"),
    ("query ($v: ID!) { nodes(ids: [$v]) { id } }", "Client:500608", "Client:499999"),
    ("query ($v: ID!) { node(id: $v) { id } }", "TradingAccount:R1/61436", "TradingAccount:R1/1"),
    ("query ($v: ID!) { tradingAccount(by: { id: $v }) { login } }", "TradingAccount:R1/61436", "TradingAccount:R1/1"),
    (
        'query ($v: String!) { tradingAccount(by: { account: { server: "R1", login: $v } }) { login } }',
        "61436",
        "1",
    ),
    ('query ($v: String!) { client(by: { account: { server: "R1", login: $v } }) { fullName } }', "61436", "1"),
    ("query ($v: Int!) { clients(filter: { clientNumbers: [$v] }) { totalCount nodes { fullName } } }", 500608, 499999),
    ("query ($v: String!) { clients(filter: { search: $v }) { totalCount nodes { fullName } } }", "500608", "499999"),
    ("query ($v: Int!) { clients(filter: { agency: [$v] }) { totalCount nodes { fullName } } }", 0, 77),
]


@pytest.mark.parametrize("query, foreign, absent", BY_PATH)
def test_a_foreign_client_is_like_none_and_costs_the_same(graph, query, foreign, absent):
    def ask(value, **options):
        return graph.post(query, {"v": node_id(value) if "ID!" in query else value}, PARTNER, **options)

    assert shape(ask(foreign)) == shape(ask(absent))
    assert shape(ask(foreign, explain=True)) == shape(ask(absent, explain=True))
    assert ask(foreign).status_code == 200


def test_a_list_holds_the_callers_agency_and_nothing_else(graph):
    query = "{ clients(first: 200) { totalCount nodes { agency tradingAccounts { nodes { client { agency } } } } } }"

    clients = graph.data(query, key=PARTNER)["clients"]

    assert clients["nodes"]
    assert clients["totalCount"] == len(clients["nodes"])
    assert {client["agency"] for client in clients["nodes"]} == {1}


async def test_an_instruction_of_another_agency_is_like_none(graph, database):
    made = create(graph, 500021)
    foreign = made["instruction"]["id"]
    absent = node_id("Instruction:00000000-0000-7000-8000-000000000000")
    agency = await database.fetchval("SELECT agency FROM brokergraph_erp.client WHERE client_number = 500021")
    assert agency != 1

    for query in (
        "query ($v: ID!) { instruction(by: { id: $v }) { status } }",
        "query ($v: ID!) { node(id: $v) { id } }",
        "query ($v: ID!) { nodes(ids: [$v]) { id } }",
    ):
        asked = (graph.post(query, {"v": identity}, PARTNER, explain=True) for identity in (foreign, absent))
        assert len({str(shape(answer)) for answer in asked}) == 1


def test_a_key_of_another_caller_names_nothing_of_theirs(graph):
    key = new_key()
    create(graph, 500021, key)

    found = graph.data("query ($k: ID!) { instruction(by: { idempotencyKey: $k }) { status } }", {"k": key}, PARTNER)

    assert found == {"instruction": None}


async def test_a_deposit_to_a_foreign_account_is_refused_as_for_none(graph, database):
    rows = await database.fetchval("SELECT count(*) FROM brokergraph.instruction")

    foreign = deposit(graph, "R1", "61436", caller=PARTNER)
    absent = deposit(graph, "R1", "1", caller=PARTNER)

    assert foreign == absent
    assert foreign["code"] == "NOT_FOUND"
    assert await database.fetchval("SELECT count(*) FROM brokergraph.instruction") == rows


def made_key(box, principal, agency):
    """A key for one agency with every scope, made as an operator makes it."""
    scopes = [option for scope in Scope for option in ("--scope", str(scope))]
    command = [sys.executable, "-m", "api.cli", "keys", "create", principal, "--agency", str(agency)]
    made = subprocess.run(
        [*command, "--config", str(box.settings_path), *scopes], capture_output=True, text=True, check=True
    )
    return made.stdout.strip()


@pytest.fixture
def bound_key(box):
    return made_key(box, "bound", 1)


async def test_a_principals_keys_for_different_agencies_do_not_show_each_others_instructions(graph, box, database):
    own, other = made_key(box, "duo", 0), made_key(box, "duo", 1)
    used = new_key()
    visible = await database.fetchrow(
        """SELECT a.login, a.currency FROM brokergraph_erp.trading_account a JOIN brokergraph_erp.client c
           USING (client_number) WHERE c.agency = 1 AND c.identity_locked AND c.erp_status IN (4, 5)
           AND a.server = 'R1' ORDER BY a.login LIMIT 1"""
    )
    booked = deposit(graph, "R1", "61436", key=used, caller=own)
    rows = await database.fetchval("SELECT count(*) FROM brokergraph.instruction")

    same = deposit(graph, "R1", "61436", key=used, caller=other)
    another = deposit(graph, "R1", visible["login"], currency=visible["currency"], key=used, caller=other)

    assert booked["__typename"] == "DepositConfirmed"
    assert same == deposit(graph, "R1", "1", caller=other)
    assert another == {
        "__typename": "Refused",
        "code": "IDEMPOTENCY_KEY_REUSED",
        "retry": "NEW_KEY",
        "upstreamCode": None,
        "message": "This idempotency key was used before for something else; choose a new one.",
    }
    assert deposit(graph, "R1", "61436", key=used, caller=own)["instruction"]["id"] == booked["instruction"]["id"]
    assert await database.fetchval("SELECT count(*) FROM brokergraph.instruction") == rows


async def test_mutations_see_no_foreign_client_either(graph, bound_key, well_behaved):
    foreign = create(graph, 500608, caller=bound_key)
    absent = create(graph, 499999, caller=bound_key)
    foreign_user = request(graph, "C0500608", {"mt4": {"leverage": "1"}}, caller=bound_key)
    absent_user = request(graph, "C0499999", {"mt4": {"leverage": "1"}}, caller=bound_key)

    assert foreign == absent
    assert foreign_user == absent_user
    assert foreign["code"] == foreign_user["code"] == "NOT_FOUND"
    assert well_behaved.calls("hyper")["total"] == well_behaved.calls("broctagon")["total"] == 0


def test_a_reader_sees_no_balances_and_the_rest_stays(graph):
    body = graph.ask(
        """{ client(by: { clientNumber: 500608 }) { fullName balances { currency } totalFloatingBalance { amount }
             live { agency } instructions { totalCount }
             tradingAccounts(first: 1) { nodes { login balance equity live { group } } } } }""",
        key="demo-reader",
        explain=True,
    )

    client = body["data"]["client"]
    assert client["fullName"] == "Noa Ben-David"
    assert client["balances"] is client["totalFloatingBalance"] is client["live"] is client["instructions"] is None
    [account] = client["tradingAccounts"]["nodes"]
    assert account["login"]
    assert account["balance"] is account["equity"] is account["live"] is None
    assert {error["extensions"]["code"] for error in body["errors"]} == {"FORBIDDEN"}
    assert {tuple(error["extensions"]["requiredScopes"]) for error in body["errors"]} == {
        ("balance:read",),
        ("instruction:read",),
    }
    assert body["extensions"]["plan"]["actual"] == {"ERP_DATABASE": {"calls": 2, "keys": 2}}


async def test_a_caller_without_the_scope_changes_nothing_not_even_before_the_refused_field(graph, database):
    rows = await database.fetchval("SELECT count(*) FROM brokergraph.instruction")
    account = '{ account: { server: "R1", login: "1" } }'
    order = f'{{ account: {account}, amount: "1", currency: USD, idempotencyKey: "{new_key()}" }}'
    one = f"deposit(input: {order}) {{ __typename }}"
    two = f'createTradingAccount(input: {{clientNumber: 500014, idempotencyKey: "{new_key()}"}}) {{ __typename }}'

    body = graph.ask(f"mutation {{ one: {one} two: {two} }}", key=PARTNER)

    assert body["data"] is None
    [error] = body["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["two"], "FORBIDDEN")
    assert await database.fetchval("SELECT count(*) FROM brokergraph.instruction") == rows


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer nonsense", "Basic ZGVtbzpkZW1v", "Bearer " + "x" * 600])
def test_without_a_valid_key_there_is_nothing(graph, header):
    headers = {"content-type": "application/json"} | ({"authorization": header} if header is not None else {})

    response = graph.client.post(f"{graph.url}/graphql", content='{"query":"{viewer{name}}"}', headers=headers)
    metrics = graph.client.get(f"{graph.url}/metrics", headers=headers)

    assert response.status_code == metrics.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="brokergraph"'
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "data" not in response.json()
