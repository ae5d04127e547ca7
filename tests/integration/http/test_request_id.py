"""Which answers carry X-Request-Id: those of the graph itself, as docs/errors.md says."""

import pytest
from support.wire import ORIGIN, connected, status, until_closed

KEY = {"authorization": "Bearer demo-operator", "content-type": "application/json"}
PREFLIGHT = {"origin": ORIGIN, "access-control-request-method": "POST"}
QUERY = '{"query":"{viewer{name}}"}'


@pytest.mark.parametrize(
    "method, headers, body, expected",
    [
        ("POST", KEY, QUERY, 200),
        ("GET", KEY, "", 400),
        ("POST", KEY, "nonsense", 400),
        ("POST", {"content-type": "application/json"}, QUERY, 401),
        ("POST", KEY | {"accept": "text/plain"}, QUERY, 406),
        ("POST", KEY, '{"query":"{viewer{name}}","variables":{"a":"' + "x" * 3000 + '"}}', 413),
        ("POST", KEY | {"content-type": "text/plain"}, QUERY, 415),
    ],
)
def test_every_answer_of_the_graph_has_an_id_whatever_its_status(edge, method, headers, body, expected):
    answer = edge.client.request(method, f"{edge.url}/graphql", content=body, headers=headers)

    assert (answer.status_code, len(answer.headers["x-request-id"])) == (expected, 16)


@pytest.mark.parametrize(
    "method, path, headers",
    [
        ("OPTIONS", "/graphql", {}),
        ("OPTIONS", "/graphql", PREFLIGHT),
        ("PUT", "/graphql", KEY),
        ("GET", "/graphql", {"accept": "text/html"}),
        ("GET", "/livez", {}),
        ("GET", "/metrics", {}),
        ("GET", "/nowhere", {}),
    ],
)
def test_what_asks_nothing_of_the_graph_has_none(edge, method, path, headers):
    assert "x-request-id" not in edge.client.request(method, f"{edge.url}{path}", headers=headers).headers


def test_what_is_refused_before_it_has_been_read_has_none(edge):
    with connected(edge.url) as wire:
        wire.sendall(b"POST /graphql HTTP/1.1\r\n\r\n")
        answer = until_closed(wire)

    assert status(answer) == 400
    assert b"x-request-id" not in answer.lower()
