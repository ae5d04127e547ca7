"""Spellings and habits of other people's clients: C2 to C7, and O18 for the answers of the whole process."""

import threading

import pytest
from support.wire import BODY, HEAD, WHOLE, connected, one_answer, status, until_closed

KEY = {"authorization": "Bearer demo-operator"}
JSON = {"content-type": "application/json", **KEY}
STRANGER = HEAD.replace(b"demo-operator", b"nobody")
NAMED = {"data": {"viewer": {"name": "demo-operator"}}}
ECHO = "query ($name: String!) { clients(filter: {search: $name}) { totalCount } viewer { name } }"


@pytest.fixture(params=["edge", "direct"])
def graph(request):
    """With answers in messages and with answers that are written at once."""
    return request.getfixturevalue(request.param)


def post(graph, body: bytes, **headers: str):
    return graph.client.post(f"{graph.url}/graphql", content=body, headers=JSON | headers)


def get(graph, query: str):
    return graph.client.get(f"{graph.url}/graphql?{query}", headers=KEY)


def message(response) -> str:
    return response.json()["errors"][0]["message"]


@pytest.mark.parametrize("text", [r"C:\\u0000x", r"\\\\u0000", r"a\\u0000", r"\\\"\\u0000"])
def test_c2_a_backslash_and_letters_are_no_null_character(edge, text):
    body = b'{"query":"%s","variables":{"name":"%s"}}' % (ECHO.encode(), text.encode())

    response = post(edge, body)

    assert (response.status_code, response.json()["data"]["viewer"]) == (200, NAMED["data"]["viewer"])


@pytest.mark.parametrize(
    "member", [rb'"name":"\u0000"', rb'"name":"\\\u0000"', rb'"\u0000":1', rb'"a":[{"b":["\u0000"]}]']
)
def test_c2_a_null_character_is_found_wherever_it_is(edge, member):
    response = post(edge, b'{"query":"{viewer{name}}","variables":{%s}}' % member)

    assert (response.status_code, message(response)[:26]) == (400, "The body holds a null char")


@pytest.mark.parametrize("literal", [r"\\u0000", r"\\u{0}", r"\\u{000}"])
def test_c2_a_null_character_of_the_document_is_found(edge, literal):
    response = post(edge, b'{"query":"{ clients(filter: {search: \\"%s\\"}) { totalCount } }"}' % literal.encode())

    assert (response.status_code, message(response)) == (400, "A text must not hold a null character.")


@pytest.mark.parametrize("bad", ["%ED%A0%80", "%FF", "%C3", "%C0%80", "%F5%80%80%80", "%ED%B0%80"])
@pytest.mark.parametrize("name", ["query", "variables", "operationName", "documentId", "extensions"])
def test_c3_a_parameter_that_is_no_utf8_is_refused_by_name(edge, name, bad):
    rest = "" if name in {"query", "documentId"} else "&query={viewer{name}}"

    response = get(edge, f'{name}={{"a":"{bad}"}}{rest}')

    assert (response.status_code, message(response)) == (400, f"The parameter {name} is not in UTF-8.")


def test_c3_parameters_in_utf8_are_read_as_before(edge):
    variables = "%7B%22name%22%3A%22%D7%A0%D7%95%D7%A2%D7%94%F0%9F%98%80+x%22%7D"

    response = get(
        edge, f"query={ECHO.replace(' ', '+')}&variables={variables}&other=%FF&query={ECHO.replace(' ', '%20')}"
    )

    assert (response.status_code, response.json()["data"]["viewer"]) == (200, NAMED["data"]["viewer"])


UNREAD = {
    "expect": b"expect: 100-continue\r\ncontent-length: 500000\r\n",
    "long": b"content-length: 500000\r\n",
    "chunked": b"transfer-encoding: chunked\r\n",
}
EARLY = {
    "401": (STRANGER, 401),
    "415": (HEAD.replace(b"application/json", b"text/plain"), 415),
    "405": (HEAD.replace(b"POST", b"PUT"), 405),
    "406": (HEAD + b"accept: text/plain\r\n", 406),
    "another page": (HEAD.replace(b"/graphql", b"/livez"), 405),
    "no page": (HEAD.replace(b"/graphql", b"/nothing"), 404),
    "a GET with a body": (HEAD.replace(b"POST /graphql", b"GET /graphql?query={viewer{name}}"), 200),
}


@pytest.mark.parametrize("head, expected", EARLY.values(), ids=EARLY.keys())
@pytest.mark.parametrize("body", UNREAD.values(), ids=UNREAD.keys())
def test_c4_an_answer_before_the_body_ends_the_connection(graph, head, expected, body):
    with connected(graph.url) as wire:
        wire.sendall(head + body + b"\r\n")
        answer = until_closed(wire)

    assert (status(answer), b"100 Continue" in answer) == (expected, False)
    assert b"\r\nconnection: close\r\n" in answer.lower()


@pytest.mark.parametrize(
    "rest",
    [b"content-length: 5000000\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n200000\r\n" + b" " * 0x200000],
    ids=["declared", "chunked"],
)
def test_c4_a_body_that_is_too_large_ends_the_connection(graph, rest):
    with connected(graph.url) as wire:
        wire.sendall(HEAD + rest)
        answer = until_closed(wire)

    assert (status(answer), b"\r\nconnection: close\r\n" in answer.lower()) == (413, True)


def test_c4_an_answer_before_a_small_body_keeps_the_connection(graph):
    with connected(graph.url) as wire:
        wire.sendall(STRANGER + b"content-length: %d\r\n\r\n" % len(BODY))
        early = one_answer(wire)
        wire.sendall(BODY + WHOLE)
        late = one_answer(wire)

    assert (status(early), b"connection: close" in early.lower(), status(late)) == (401, False, 200)


def test_c4_a_small_body_that_waits_for_100_continue_ends_the_connection(graph):
    with connected(graph.url) as wire:
        wire.sendall(STRANGER + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(BODY))
        answer = until_closed(wire)

    assert (status(answer), b"connection: close" in answer.lower()) == (401, True)


def test_c4_a_client_that_is_still_sending_gets_the_whole_answer(graph):
    """With unread bytes a closed connection is reset, and the client would lose the answer."""
    for _ in range(5):
        with connected(graph.url) as wire:
            wire.sendall(STRANGER + b"content-length: 3000000\r\n\r\n")
            sender = threading.Thread(target=wire.sendall, args=(b" " * 3_000_000,))
            sender.start()
            answer = until_closed(wire)
            sender.join()

        assert status(answer) == 401
        assert answer.endswith(b"}")


def test_c4_a_refusal_of_the_headers_reaches_a_client_that_is_still_sending(graph):
    with connected(graph.url) as wire:
        wire.sendall(HEAD + b"transfer-encoding: gzip\r\n\r\n" + b" " * 2_000_000)
        answer = until_closed(wire)

    assert status(answer) == 400


def test_c4_a_body_is_asked_for_where_it_is_read(graph):
    with connected(graph.url) as wire:
        wire.sendall(HEAD + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(BODY))
        asked = wire.recv(65536)
        wire.sendall(BODY)
        answer = one_answer(wire)
        wire.sendall(WHOLE)
        next_one = one_answer(wire)

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (status(answer), status(next_one)) == (200, 200)


def test_c4_http_1_0_gets_no_interim_answer(graph):
    head = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(BODY)
    with connected(graph.url) as wire:
        wire.sendall(head + BODY)
        answer = until_closed(wire)

    assert status(answer) == 200


def test_c4_a_client_that_leaves_before_its_body_is_discarded_costs_nothing(graph):
    for _ in range(20):
        with connected(graph.url) as wire:
            wire.sendall(STRANGER + b"content-length: 3000000\r\n\r\n" + b" " * 1000)
    with connected(graph.url) as wire:
        wire.sendall(WHOLE)
        answer = one_answer(wire)

    assert status(answer) == 200
    assert "Traceback" not in graph.written()


def test_c5_a_utf8_mark_is_no_part_of_the_body(edge):
    marked = b"\xef\xbb\xbf" + BODY

    answers = [post(edge, marked), get(edge, "query=%EF%BB%BF{viewer{name}}&variables=%EF%BB%BF{}")]

    assert [(one.status_code, one.json()) for one in answers] == [(200, NAMED)] * 2


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_c5_another_coding_is_named(edge, coding):
    response = post(edge, BODY.decode().encode(coding))

    assert (response.status_code, message(response)) == (
        400,
        "The body is not JSON: it is in UTF-16 or UTF-32. Send it in UTF-8.",
    )


def test_c6_head_runs_nothing(edge, well_behaved):
    query = "{client(by:{clientNumber:500608}){live{totalFloatingBalance{amount}}}}"
    answers = [
        edge.client.head(f"{edge.url}/graphql", params={"query": query}, headers=KEY),
        edge.client.head(f"{edge.url}/graphql", headers=KEY),
        edge.client.head(f"{edge.url}/graphql"),
    ]

    assert [(one.status_code, one.content) for one in answers] == [(400, b""), (400, b""), (401, b"")]
    assert well_behaved.calls("hyper")["total"] == 0


def test_o18_every_answer_forbids_sniffing(graph):
    paths = ["/graphql", "/livez", "/readyz", "/metrics", "/schema.graphql", "/nothing", "/", "/static/x"]
    answers = [graph.client.get(f"{graph.url}{path}") for path in paths]
    answers += [post(graph, BODY), post(graph, b"["), graph.client.options(f"{graph.url}/graphql")]
    answers += [graph.client.get(f"{graph.url}/graphql", headers={"accept": "text/html"})]

    assert {one.headers.get_list("x-content-type-options")[0] for one in answers} == {"nosniff"}
    assert {len(one.headers.get_list("x-content-type-options")) for one in answers} == {1}


UPGRADE = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
AT_THE_WIRE = {
    "400": b"nonsense\r\n\r\n",
    "431": HEAD + b"x: " + b"a" * 40_000 + b"\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "408": HEAD + b"content-length: 9\r\n\r\n",
    "a wrong upgrade": UPGRADE + b"\r\n",
    "an upgrade": UPGRADE + b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", AT_THE_WIRE.values(), ids=AT_THE_WIRE.keys())
def test_o18_every_answer_of_the_wire_protocol_forbids_sniffing(edge, request_bytes):
    with connected(edge.url) as wire:
        wire.sendall(request_bytes)
        answer = until_closed(wire)

    assert answer.lower().count(b"\r\nx-content-type-options: nosniff\r\n") == 1
