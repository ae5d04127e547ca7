"""Above the hard bound the protocol refuses a request: without a task, without authentication, and without its body."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from support.graphs import Graph, running_graph
from support.wire import BODY, HEAD, ORIGIN, PATIENCE_SECONDS, WHOLE, connected, one_answer, status, until_closed

BOUND = 3
UNKNOWN_KEY = WHOLE.replace(b"demo-operator", b"unknown-key")
# It is answered although the server is full, and shows that the connection goes on behind a refusal.
LIVE = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"


def with_length(length: int) -> bytes:
    return HEAD + b"content-length: %d\r\n\r\n" % length


@pytest.fixture(scope="module")
def bounded(box) -> Iterator[Graph]:
    with running_graph(
        box,
        OVERLOAD__MAX_IN_FLIGHT=str(BOUND),
        OVERLOAD__MAX_RUNNING=str(BOUND),
        HTTP__CORS_ORIGINS=f'["{ORIGIN}"]',
        RECONCILIATION__ENABLED="false",
    ) as graph:
        yield graph


def figure(graph: Graph, name: str) -> float:
    text = graph.client.get(f"{graph.url}/metrics", headers={"authorization": "Bearer demo-operator"}).text
    return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()[1])


@pytest.fixture
def full(bounded) -> Iterator[Graph]:
    """As many requests as the hard bound, which send half of their bodies."""
    with ExitStack() as stack:
        # A scrape is a task too, and may refuse one of them.
        while figure(bounded, "brokergraph_requests_in_flight") < BOUND:
            stack.enter_context(connected(bounded.url)).sendall(with_length(1000) + b"{")
        yield bounded
    deadline = time.monotonic() + PATIENCE_SECONDS
    while figure(bounded, "brokergraph_requests_in_flight"):
        assert time.monotonic() < deadline


@pytest.fixture
def wire(full) -> Iterator[socket.socket]:
    with connected(full.url) as wire:
        yield wire


def refused(answer: bytes) -> bool:
    return status(answer) == 503 and b'"code":"OVERLOADED"' in answer


def test_the_refusal_comes_before_authentication_and_the_bound_ends_with_the_requests(bounded, full, wire):
    before = figure(full, "brokergraph_requests_shed_total")
    answers = []
    for request in (UNKNOWN_KEY, WHOLE, UNKNOWN_KEY):
        wire.sendall(request)
        answers.append(one_answer(wire))

    assert all(map(refused, answers))
    assert all(b"\r\nx-request-id: " in answer for answer in answers)
    assert figure(full, "brokergraph_requests_shed_total") == before + 3
    assert figure(full, "brokergraph_requests_in_flight") == BOUND


def test_requests_below_the_bound_are_answered(bounded):
    with connected(bounded.url) as wire:
        wire.sendall(WHOLE + UNKNOWN_KEY)
        answers = [one_answer(wire), one_answer(wire)]

    assert [status(answer) for answer in answers] == [200, 401]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_health_and_metrics_are_answered_above_the_bound(full, path):
    answer = full.client.get(f"{full.url}{path}", headers={"authorization": "Bearer demo-operator"})

    assert answer.status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
def test_both_ways_of_a_refusal_are_equal(full, wire, accept):
    """The first request of a connection is parsed. The second is refused by its bytes. The third comes in two parts."""
    request = WHOLE.replace(b"host: x", b"host: x\r\naccept: %s" % accept.encode())
    answers = []
    for parts in ([request], [request], [request[:50], request[50:]]):
        for part in parts:
            wire.sendall(part)
            figure(full, "brokergraph_requests_running")
        head, _, body = one_answer(wire).partition(b"\r\n\r\n")
        answers.append((sorted(line.split(b": ")[0] for line in head.split(b"\r\n")), len(body)))
        assert accept.encode() in head

    assert answers == [answers[0]] * 3


def test_a_page_of_another_site_can_read_the_refusal(full):
    with httpx.Client() as browser:
        preflight = {"origin": ORIGIN, "access-control-request-method": "POST"}
        allowed = browser.options(f"{full.url}/graphql", headers=preflight)
        answers = [browser.post(f"{full.url}/graphql", content=BODY, headers={"origin": ORIGIN}) for _ in range(2)]
        other = browser.post(f"{full.url}/graphql", content=BODY, headers={"origin": "https://evil.example.com"})

    assert allowed.status_code == 200
    for answer in answers:
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (503, ORIGIN)
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
    assert other.status_code == 503
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("first", [b"", UNKNOWN_KEY], ids=["first", "later"])
@pytest.mark.parametrize("sent", [0, 1, 999])
def test_the_rest_of_a_small_body_is_discarded_behind_the_refusal(wire, first, sent):
    """The rest looks like a request. It must not become one."""
    body = (LIVE * 40)[:1000]
    if first:
        wire.sendall(first)
        one_answer(wire)
    wire.sendall(with_length(1000) + body[:sent])
    answer = one_answer(wire)
    wire.sendall(body[sent:] + LIVE)
    following = one_answer(wire)

    assert refused(answer)
    assert b"connection: close" not in answer
    assert status(following) == 200
    wire.sendall(LIVE)
    assert status(one_answer(wire)) == 200


UNREAD = {
    "large": with_length(1_000_000) + b"{",
    "chunked": HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    "a whole chunked body": HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n\r\n",
    "announced": HEAD + b"content-length: 26\r\nexpect: 100-continue\r\n\r\n",
    "the last request": HEAD + b"content-length: 26\r\nconnection: close\r\n\r\n",
    "the last request, whole": WHOLE.replace(b"host: x", b"host: x\r\nconnection: close"),
    "HTTP/1.0": WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"),
}


@pytest.mark.parametrize("request_bytes", UNREAD.values(), ids=UNREAD)
@pytest.mark.parametrize("first", [b"", UNKNOWN_KEY], ids=["first", "later"])
def test_a_body_that_is_not_worth_reading_ends_the_connection_behind_the_refusal(wire, first, request_bytes):
    if first:
        wire.sendall(first)
        one_answer(wire)
    # The request behind it must not be answered, because it could be a part of the body.
    wire.sendall(request_bytes + LIVE)
    answer = until_closed(wire)

    assert refused(answer)
    assert b"connection: close" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("first", [b"", UNKNOWN_KEY], ids=["first", "later"])
def test_requests_that_are_sent_ahead_are_refused_in_their_order(wire, first):
    if first:
        wire.sendall(first)
        one_answer(wire)
    wire.sendall(WHOLE + LIVE + WHOLE + UNKNOWN_KEY + LIVE)
    answers = [one_answer(wire) for _ in range(5)]

    assert [status(answer) for answer in answers] == [503, 200, 503, 503, 200]


def test_head_is_refused_with_headers_alone(wire):
    wire.sendall(b"HEAD /graphql HTTP/1.1\r\nhost: x\r\n\r\n" + LIVE)
    first = b""
    while not first.endswith(b"\r\n\r\n"):
        first += wire.recv(1)

    assert status(first) == 503
    assert b"content-length: 0" not in first
    assert status(one_answer(wire)) == 200


def test_what_a_proxy_might_read_otherwise_is_refused_also_above_the_bound(wire):
    wire.sendall(UNKNOWN_KEY)
    one_answer(wire)
    wire.sendall(HEAD + b"content-length: 26\r\ntransfer-encoding: chunked\r\n\r\n" + BODY)

    assert status(until_closed(wire)) == 400
