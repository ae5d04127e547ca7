"""What published checklists for GraphQL try (graphql-cop, OWASP), in our own words, on a production server.

Nothing that they rate high or medium may be found.
"""

import pytest
from support.graphs import running_graph

PARTNER = {"authorization": "Bearer demo-partner", "content-type": "application/json"}
SCHEMA_TOUCHING = "{ client(by: {clientNumber: 500608}) { clientNumber } }"
# A refusal comes before anything runs, so it costs a fraction of a deadline.
PATIENCE_SECONDS = 5


@pytest.fixture(scope="module")
def production(box):
    """The settings that a broker gets by setting nothing."""
    with running_graph(box) as running:
        yield running


def ask(production, query, headers=PARTNER, **more):
    return production.client.post(
        f"{production.url}/graphql", json={"query": query, **more}, headers=headers, timeout=PATIENCE_SECONDS
    )


def refused(response):
    """Refused before anything ran, with a code, and nothing that only a look inside could have told."""
    body = response.json()
    assert 400 <= response.status_code < 500, response.text
    assert "data" not in body, body
    assert all(error["extensions"]["code"] != "INTERNAL_ERROR" for error in body["errors"]), body
    assert "Traceback" not in response.text
    return [error["message"] for error in body["errors"]]


OVERLOADS = {
    "a thousand aliases": "{" + " ".join(f"a{n}: __typename" for n in range(1000)) + "}",
    "a thousand times the same field": "{ " + "viewer { name } " * 1000 + "}",
    "a thousand directives": "{ __typename " + "@skip(if: false) " * 1000 + "}",
    "an unknown directive, ten times": "{ __typename " + "@aa " * 10 + "}",
    "depth by a cycle of the graph": "{ clients { nodes "
    + "{ tradingAccounts { nodes { client " * 12
    + "{ id }"
    + " } } }" * 12
    + " } }",
    "a fragment that spreads itself": "{ ...A } fragment A on Query { ...A }",
    "fragments that double": "{ ...F0 } "
    + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(24))
    + " fragment F24 on Query { __typename }",
    "a page of a million": "{ clients(first: 1000000) { nodes { id } } }",
    "pages within pages within pages": "{ clients(first: 200) { nodes { tradingAccounts(first: 200) { nodes { live "
    "{ equity } client { tradingAccounts(first: 200) { nodes { login } } } } } } } }",
    "the same mutation, many times": "mutation ("
    + ", ".join(f"$k{n}: ID!" for n in range(40))
    + ") {"
    + " ".join(
        f'm{n}: deposit(input: {{account: {{account: {{server: "R1", login: "1"}}}}, amount: "1", currency: "USD", '
        f"idempotencyKey: $k{n}}}) {{ __typename }}"
        for n in range(40)
    )
    + "}",
}


@pytest.mark.parametrize("name", OVERLOADS)
def test_an_operation_that_asks_for_too_much_is_refused_before_it_runs(production, name):
    variables = {f"k{n}": f"guess-{n}" for n in range(40)} if "mutation" in name else {}
    response = ask(production, OVERLOADS[name], variables=variables)
    if name == "a page of a million":
        assert response.json()["errors"][0]["extensions"]["code"] in ("BAD_USER_INPUT", "LIMIT_EXCEEDED")
        return
    assert refused(response)


def test_batches_by_array_are_refused(production):
    body = [{"query": "{ __typename }"}] * 1000

    response = production.client.post(f"{production.url}/graphql", json=body, headers=PARTNER)

    assert "one operation" in refused(response)[0]


def test_introspection_needs_a_scope(production):
    for query in ("{ __schema { types { name } } }", '{ __type(name: "Client") { fields { name } } }'):
        body = ask(production, query).json()
        assert body.get("data") is None
        assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert ask(production, "{ __typename }").json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "query",
    [
        "{ clientz { nodes { id } } }",
        "{ client(by: {clientNumbr: 1}) { id } }",
        "{ client(bye: {clientNumber: 1}) { id } }",
        "{ clients { nodes { ... on Clientt { id } } } }",
        "{ clients(filter: {webStatus: [APROVED]}) { nodes { id } } }",
        "query ($x: ClientByy) { __typename }",
        "{ __typename @skipp(if: true) }",
    ],
)
def test_guessed_names_get_no_suggestion(production, query):
    messages = refused(ask(production, query))

    assert not any("Did you mean" in message for message in messages), messages


def test_guessed_names_in_variables_get_no_suggestion(production):
    query = "query ($by: ClientBy!, $f: ClientFilter) { client(by: $by) { id } clients(filter: $f) { nodes { id } } }"
    for variables in ({"by": {"clientNumbr": 1}}, {"by": {"clientNumber": 1}, "f": {"webStatus": ["APROVED"]}}):
        messages = refused(ask(production, query, variables=variables))
        assert not any("Did you mean" in message for message in messages), messages


def test_pages_for_people_are_off(production):
    for path in ("/", "/graphql", "/graphiql", "/playground", "/altair", "/voyager", "/docs"):
        response = production.client.get(
            f"{production.url}{path}", headers={"accept": "text/html"}, follow_redirects=True
        )
        assert response.status_code in (401, 404), path
        assert "graphiql" not in response.text.lower() or response.status_code == 404, path


def test_the_schema_and_the_metrics_are_not_for_strangers(production):
    for path in ("/schema.graphql", "/metrics"):
        response = production.client.get(f"{production.url}{path}")
        assert response.status_code in (401, 403, 404), path
        assert "type Query" not in response.text
        assert "brokergraph_" not in response.text


def test_mutations_by_get_are_refused(production):
    response = production.client.get(
        f"{production.url}/graphql", params={"query": "mutation { __typename }"}, headers=PARTNER
    )

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/graphql", ""],
)
def test_what_a_form_of_another_site_can_send_is_refused(production, content_type):
    body = b'{"query": "{ __typename }"}' if "form" not in content_type else b"query=%7B__typename%7D"
    headers = PARTNER | {"content-type": content_type} if content_type else {"authorization": PARTNER["authorization"]}

    response = production.client.post(f"{production.url}/graphql", content=body, headers=headers)

    assert response.status_code == 415


def test_nothing_that_a_browser_adds_by_itself_lets_a_caller_in(production):
    """Another site can make a browser send a GET and its cookies, but no Authorization."""
    for headers in ({}, {"cookie": "authorization=Bearer demo-partner; session=1"}):
        response = production.client.get(
            f"{production.url}/graphql", params={"query": "{ __typename }"}, headers=headers
        )
        assert response.status_code == 401
        assert "set-cookie" not in response.headers


def test_other_sites_may_not_read_answers(production):
    response = ask(production, "{ __typename }", PARTNER | {"origin": "https://evil.example"})

    assert not [name for name in response.headers if name.startswith("access-control-")]


def test_nothing_is_traced_and_nothing_of_the_inside_told(production):
    for query in (
        SCHEMA_TOUCHING,
        "{ client(by: {clientNumber: 99999999999}) { id } }",
        "{ nodes(ids: [1, {}]) { id } }",
        "{",
    ):
        response = ask(production, query)
        assert "tracing" not in response.json().get("extensions", {})
        for word in ("Traceback", "asyncpg", "strawberry", "/usr/", "site-packages", "SELECT "):
            assert word not in response.text, word
        assert "server" not in response.headers
        assert "x-powered-by" not in response.headers


def test_types_are_checked_before_anything_is_looked_up(production):
    for query in (
        "{ client(by: {clientNumber: \"1' OR '1'='1\"}) { id } }",
        "{ clients(filter: {clientNumbers: [1.5]}) { nodes { id } } }",
        "{ node(id: null) { id } }",
    ):
        assert refused(ask(production, query))
    hostile = ask(
        production,
        "query ($s: String) { clients(filter: {search: $s}) { nodes { id } } }",
        variables={"s": "'; DROP TABLE client; --"},
    )
    assert hostile.json() == {"data": {"clients": {"nodes": []}}}


def test_what_lies_behind_another_edge_is_guarded_like_the_front_door(production):
    """A partner of agency 1 goes from an account to its client to its instructions: never beyond the agency."""
    query = '{ tradingAccount(by: {account: {server: "R1", login: "55521"}}) { client { fullName email } } }'

    assert ask(production, query).json() == {"data": {"tradingAccount": None}}
