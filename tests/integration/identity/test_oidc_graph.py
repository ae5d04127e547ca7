"""Tokens at the graph's own door: what a member of staff and what a client get to see, and what they cannot do."""

import hashlib
import uuid

import pytest
from support.graphs import running_graph
from support.issuers import issuing

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

CLIENT = 500608
WHO = "{ viewer { name scopes agencies } }"
MINE = """query ($n: Int!) { client(by: { clientNumber: $n }) { clientNumber balances { currency }
          tradingAccounts { totalCount nodes { login client { clientNumber } } } } }"""
DEPOSIT = """mutation ($key: ID!, $login: String!) {
  deposit(input: { account: { account: { server: "R1", login: $login } }, amount: "1", currency: USD,
                   idempotencyKey: $key }) {
    __typename ... on DepositConfirmed { instruction { id } } ... on MutationError { code } } }"""


def test_a_member_of_staff_sees_the_agencies_of_the_claim(believing):
    token = believing.issuer.token(sub="desk-1", agencies=[1], scope="desk")

    viewer = believing.graph.data(WHO, key=token)["viewer"]
    clients = believing.graph.data("{ clients(first: 200) { nodes { agency } } }", key=token)["clients"]["nodes"]

    assert viewer["agencies"] == [1]
    assert viewer["scopes"] == ["balance:read", "client:read", "deposit:create", "instruction:read"]
    assert {client["agency"] for client in clients} == {1}


def test_a_token_without_the_agencies_claim_sees_no_client(believing):
    token = believing.issuer.token(agencies=...)

    assert believing.graph.data("{ clients { totalCount nodes { fullName } } }", key=token) == {
        "clients": {"totalCount": 0, "nodes": []}
    }


async def test_a_clients_own_token_sees_that_client_alone_by_every_path(believing, database):
    token = believing.issuer.token(sub="client-a", client=CLIENT, scope="all", agencies=["all"])
    other, login = await database.fetchrow(
        "SELECT client_number, login FROM brokergraph_erp.trading_account WHERE client_number <> $1 AND server = 'R1'"
        " ORDER BY login LIMIT 1",
        CLIENT,
    )

    own = believing.graph.data(MINE, {"n": CLIENT}, token)["client"]
    listed = believing.graph.data("{ clients(first: 200) { totalCount nodes { clientNumber } } }", key=token)["clients"]
    account = """query ($l: String!) { tradingAccount(by: { account: { server: "R1", login: $l } }) { login }
                 client(by: { account: { server: "R1", login: $l } }) { fullName } }"""

    assert own["clientNumber"] == CLIENT
    assert {account["client"]["clientNumber"] for account in own["tradingAccounts"]["nodes"]} == {CLIENT}
    assert listed == {"totalCount": 1, "nodes": [{"clientNumber": CLIENT}]}
    assert believing.graph.data(MINE, {"n": other}, token) == {"client": None}
    assert believing.graph.data(account, {"l": login}, token) == {"tradingAccount": None, "client": None}


async def test_a_clients_own_token_never_moves_money_whatever_its_claims_say(believing, database):
    token = believing.issuer.token(sub="client-a", client=CLIENT, scope="all")
    rows = await database.fetchval("SELECT count(*) FROM brokergraph.instruction")

    viewer = believing.graph.data(WHO, key=token)["viewer"]
    body = believing.graph.ask(DEPOSIT, {"key": str(uuid.uuid4()), "login": "61436"}, token)

    assert viewer["scopes"] == ["balance:read", "client:read", "instruction:read"]
    assert viewer["agencies"] == [], "null would mean every agency"
    assert body["data"] is None
    assert [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"]
    assert await database.fetchval("SELECT count(*) FROM brokergraph.instruction") == rows


def test_a_clients_own_token_has_its_trades(believing):
    token = believing.issuer.token(sub="client-a", client=CLIENT, scope="trader")
    trades = """query ($n: Int!) { client(by: { clientNumber: $n }) { tradingAccounts { nodes { login
        openPositions { ticket } closedTrades(from: "2025-01-01T00:00:00Z", to: "2026-01-01T00:00:00Z") {
        nodes { ticket } } dailyReports(from: "2025-01-01T00:00:00Z", to: "2025-01-07T22:00:00Z") { day } } } } }"""

    accounts = believing.graph.data(trades, {"n": CLIENT}, token)["client"]["tradingAccounts"]["nodes"]

    [mt4] = [one for one in accounts if one["login"] == "61436"]
    assert [len(mt4["openPositions"]), len(mt4["closedTrades"]["nodes"]), len(mt4["dailyReports"])] == [2, 3, 5]
    assert believing.graph.data(trades, {"n": 500021}, token) == {"client": None}


def test_a_client_does_not_see_the_commands_of_others(believing):
    desk = believing.issuer.token(sub="desk-1", agencies=["all"], scope="all")
    own = believing.issuer.token(sub="client-a", client=CLIENT, scope="all")
    key = str(uuid.uuid4())
    made = believing.graph.data(DEPOSIT, {"key": key, "login": "61436"}, desk)["deposit"]
    found = "query ($id: ID!) { instruction(by: { id: $id }) { status } node(id: $id) { id } }"
    listed = f"{{ client(by: {{ clientNumber: {CLIENT} }}) {{ instructions {{ totalCount nodes {{ id }} }} }} }}"

    assert made["__typename"] == "DepositConfirmed"
    identity = {"id": made["instruction"]["id"]}
    assert believing.graph.data(found, identity, desk)["instruction"] == {"status": "CONFIRMED"}
    assert believing.graph.data(listed, key=desk)["client"]["instructions"]["totalCount"] >= 1
    assert believing.graph.data(found, identity, own) == {"instruction": None, "node": None}
    assert believing.graph.data(listed, key=own)["client"]["instructions"] == {"totalCount": 0, "nodes": []}


def test_the_same_subject_of_the_same_issuer_is_the_same_principal_whatever_the_token(believing):
    key = {"key": str(uuid.uuid4()), "login": "61436"}
    one, another = (believing.issuer.token(sub="desk-2", agencies=["all"], scope="all", jti=jti) for jti in "ab")
    stranger = believing.issuer.token(sub="desk-3", agencies=["all"], scope="all")
    asked = {"query": "query ($k: ID!) { instruction(by: { idempotencyKey: $k }) { status } }"}

    first = believing.graph.data(DEPOSIT, key, one)["deposit"]

    assert believing.graph.data(DEPOSIT, key, another)["deposit"] == first
    assert believing.graph.data(asked["query"], {"k": key["key"]}, stranger) == {"instruction": None}


@pytest.mark.parametrize(
    "spoilt",
    [{"exp": 1}, {"aud": "others"}, {"client": "nobody"}, {"sub": ""}, {"iss": "https://evil.example.com"}],
)
def test_a_bad_token_is_refused_in_the_same_words_whatever_is_wrong_with_it(believing, spoilt):
    response = believing.graph.post(WHO, key=believing.issuer.token(**spoilt))

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="brokergraph"'
    [error] = response.json()["errors"]
    assert error["message"] == "The token is not valid or has expired."
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}


def test_neither_the_token_nor_its_subject_is_in_the_log(believing):
    token = believing.issuer.token(sub="anna@example.com", agencies=[1])
    believing.graph.data(WHO, key=token)
    believing.graph.post(WHO, key=believing.issuer.token(sub="anna@example.com", exp=1))

    written = believing.graph.written()

    assert "oidc:staff:" in written
    assert '"reason":"ExpiredTokenError"' in written
    assert [part for part in (*token.split("."), "anna@example.com") if part in written] == []


def test_i1_a_token_without_a_configured_claim_gets_401_and_the_log_names_the_claim(box):
    with (
        issuing() as issuer,
        running_graph(
            box,
            **issuer.settings,
            AUTH__OIDC__staff__SCOPES='{ desk = ["client:read"] }',
            AUTH__OIDC__staff__SCOPES_CLAIM="realm_access.roles",
            AUTH__OIDC__staff__CLIENT_NUMBER_CLAIM="user.client_number",
        ) as graph,
    ):
        roles = {"realm_access": {"roles": ["desk"]}}
        own = graph.data(WHO, key=issuer.token(**roles, user={"client_number": CLIENT}))["viewer"]
        flat = graph.post(WHO, key=issuer.token(**roles, client_number=CLIENT))
        bare = graph.post(WHO, key=issuer.token(user={"client_number": CLIENT}))
        headless = graph.post(WHO, key=issuer.token(header={"kid": ...}))
        new = graph.post(WHO, key=issuer.token(header={"kid": "new"}))
        page = graph.client.get(
            f"{graph.url}/metrics", headers={"authorization": f"Bearer {issuer.token(header={'kid': 'new'})}"}
        )
        written = graph.written()

    assert (own["scopes"], own["agencies"]) == (["client:read"], [])
    assert [one.status_code for one in (flat, bare, headless)] == [401] * 3
    assert '"reason":"the claim user.client_number is missing"' in written
    assert '"reason":"the claim realm_access.roles is missing"' in written
    assert '"reason":"no kid"' in written
    # I3: the keys were fetched at the start, so that a new kid is not known yet.
    assert [(one.status_code, 1 <= int(one.headers["retry-after"]) <= 10) for one in (new, page)] == [(503, True)] * 2
    assert new.json()["errors"][0]["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"


def test_the_users_of_a_frontend_share_documents_that_other_partners_do_not_find(believing):
    query = "query OfTheFrontend { viewer { name } }"
    hashed = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest()}}
    anna, ben = (believing.issuer.token(sub=name) for name in ("anna", "ben"))

    assert "errors" not in believing.graph.post(query, key=anna, extensions=hashed).json()
    found = [believing.graph.post("", key=key, extensions=hashed).json() for key in (ben, "demo-operator")]

    assert found[0]["data"]["viewer"]["name"].startswith("oidc:staff:")
    assert found[1]["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
