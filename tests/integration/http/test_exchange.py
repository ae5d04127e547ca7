"""What clients may ask for in headers, and what they get: media types, codings, statuses, CORS, ids."""

import gzip
import json

import brotli
import pytest
from support.wire import ORIGIN, connected, until_closed

JSON, GRAPHQL_JSON = "application/json", "application/graphql-response+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
KEY = {"authorization": "Bearer demo-operator"}
LARGE = "{ __schema { types { name description } } }"


def post(edge, body='{"query":"{viewer{name}}"}', headers=None):
    sent = {"content-type": "application/json", **KEY, **(headers or {})}
    return edge.client.post(f"{edge.url}/graphql", content=body, headers=sent)


def get(edge, headers=None, **parameters):
    return edge.client.get(f"{edge.url}/graphql", params=parameters, headers=KEY | (headers or {}))


ACCEPT = [
    ("*/*", JSON),
    ("", JSON),
    ("application/*", JSON),
    (JSON, JSON),
    (GRAPHQL_JSON, GRAPHQL_JSON),
    (f"{JSON}, {GRAPHQL_JSON}", GRAPHQL_JSON),
    (f"{GRAPHQL_JSON};q=0.5, {JSON};q=0.9", JSON),
    (f"{GRAPHQL_JSON};q=0.5, */*;q=0.9", JSON),
    (f"{GRAPHQL_JSON}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL_JSON),
    (f"{GRAPHQL_JSON}; charset=latin-1, {JSON}", JSON),
    (f"{JSON};q=0, */*", GRAPHQL_JSON),
    (f"{GRAPHQL_JSON.upper()} ; Q=1", GRAPHQL_JSON),
    (f'text/plain;x="a, {GRAPHQL_JSON}", {JSON}', JSON),
    (f"{GRAPHQL_JSON}, application/graphql+json, {JSON}, text/event-stream, multipart/mixed", GRAPHQL_JSON),
    (f';;;,,,=,"{JSON}, {JSON};q=abc, */*;q=0.1', JSON),
    (BROWSER, JSON),
]


@pytest.mark.parametrize("accept, expected", ACCEPT)
def test_the_answer_comes_in_the_type_that_is_liked_best(edge, accept, expected):
    response = post(edge, headers={"accept": accept})

    assert (response.status_code, response.headers["content-type"]) == (200, f"{expected}; charset=utf-8")
    assert response.json() == {"data": {"viewer": {"name": "demo-operator"}}}


def test_several_accept_headers_are_one(edge):
    headers = [*KEY.items(), ("content-type", JSON), ("accept", "text/plain"), ("accept", GRAPHQL_JSON)]

    response = edge.client.post(f"{edge.url}/graphql", content='{"query":"{viewer{name}}"}', headers=headers)

    assert response.headers["content-type"].startswith(GRAPHQL_JSON)


@pytest.mark.parametrize(
    "accept", ["text/html", "image/*", f"{JSON};q=0", "*/*;q=0", f"{JSON};q=0, {GRAPHQL_JSON};q=0"]
)
def test_a_request_gets_406_when_it_accepts_neither_type(edge, accept):
    response = post(edge, headers={"accept": accept})

    assert response.status_code == 406
    assert response.json()["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"


def test_a_header_of_a_thousand_wishes_is_no_work(edge):
    response = post(edge, headers={"accept": ",".join([f"a/b;q=0.{n % 10}" for n in range(3000)] + ["*/*"])[-30_000:]})

    assert response.status_code == 406


STATUSES = [
    ('{"query":"{"}', 200, 400),
    ('{"query":"{nothing}"}', 200, 400),
    ('{"query":"query($a:Int!){clients(first:$a){totalCount}}"}', 200, 400),
    ('{"query":"{viewer{name}}","operationName":"Other"}', 200, 400),
    ('{"query":"{client(by:{clientNumber:1}){fullName} node(id:\\"x\\"){id}}"}', 200, 200),
    ('{"query":5}', 400, 400),
    ("nonsense", 400, 400),
    ("[]", 400, 400),
]


@pytest.mark.parametrize("body, plain, graphql", STATUSES)
def test_each_media_type_has_its_statuses(edge, body, plain, graphql):
    statuses = [post(edge, body, {"accept": accept}).status_code for accept in (JSON, GRAPHQL_JSON)]

    assert statuses == [plain, graphql]


CONTENT_TYPES = [
    ("application/json", 200),
    ("Application/JSON; charset=UTF-8", 200),
    ('application/json;charset="utf-8"', 200),
    ("application/json; charset=utf-16", 415),
    ("application/json; charset=latin-1", 415),
    ("application/json, text/plain", 415),
    ("application/graphql", 415),
    ("text/plain", 415),
    ("text/plain; application/json", 415),
    ("application/jsonx", 415),
    ("", 415),
]


@pytest.mark.parametrize("content_type, expected", CONTENT_TYPES)
def test_only_json_in_utf_8_is_read(edge, content_type, expected):
    assert post(edge, headers={"content-type": content_type}).status_code == expected


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip"])
def test_a_body_in_a_coding_is_not_unpacked(edge, coding):
    """So that a kilobyte cannot become a gigabyte."""
    bomb = gzip.compress(b" " * 50_000_000)[:1_000_000]

    response = post(edge, bomb, {"content-encoding": coding})

    assert (response.status_code, response.headers["accept-encoding"]) == (415, "identity")
    assert post(edge, headers={"content-encoding": "identity"}).status_code == 200


CODINGS = [
    ("gzip", "gzip"),
    ("br", "br"),
    ("gzip, br", "br"),
    ("gzip;q=1, br;q=0.5", "gzip"),
    ("br;q=0, gzip;q=0.1", "gzip"),
    ("*", "br"),
    ("br;q=0, *", "gzip"),
    ("identity", None),
    ("identity;q=1, br;q=0.5", None),
    ("gzip;q=0", None),
    ("zstd, deflate", None),
    ("", None),
    ("gzipped", None),
]


def raw(edge, accept_encoding, query=LARGE):
    headers = KEY | {"accept-encoding": accept_encoding, "content-type": JSON}
    body = json.dumps({"query": query})
    with edge.client.stream("POST", f"{edge.url}/graphql", content=body, headers=headers) as response:
        return response.headers, b"".join(response.iter_raw())


@pytest.mark.parametrize("accept_encoding, expected", CODINGS)
def test_the_answer_is_packed_as_the_client_likes_it(edge, accept_encoding, expected):
    headers, content = raw(edge, accept_encoding)

    assert headers.get("content-encoding") == expected
    plain = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}[expected](content)
    assert json.loads(plain)["data"]["__schema"]["types"]
    assert int(headers["content-length"]) == len(content)
    assert "accept-encoding" in headers["vary"].lower()


def test_a_short_answer_is_not_worth_packing(edge):
    headers, content = raw(edge, "gzip, br", "{viewer{name}}")

    assert "content-encoding" not in headers
    assert json.loads(content)


def test_options_says_what_may_be_done(edge):
    response = edge.client.options(f"{edge.url}/graphql")

    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods_are_not_allowed(edge, method):
    response = edge.client.request(method, f"{edge.url}/graphql", headers=KEY)

    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON, BROWSER])
def test_a_mutation_is_never_made_by_get(edge, accept):
    query = 'mutation { createTradingAccount(input: {clientNumber: 1, idempotencyKey: "g"}) { __typename } }'
    headers = KEY | {"accept": accept}

    response = edge.client.get(f"{edge.url}/graphql", params={"query": query}, headers=headers)

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def preflight(edge, origin):
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    return edge.client.options(f"{edge.url}/graphql", headers={"origin": origin, **asked})


def test_a_page_that_the_settings_name_may_call(edge):
    allowed, answered = preflight(edge, ORIGIN), post(edge, headers={"origin": ORIGIN})

    assert (allowed.status_code, allowed.headers["access-control-max-age"]) == (200, "3600")
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert "Authorization" in allowed.headers["access-control-allow-headers"]
    assert answered.headers["access-control-allow-origin"] == ORIGIN
    assert "X-Request-Id" in answered.headers["access-control-expose-headers"]
    assert "Retry-After" in answered.headers["access-control-expose-headers"]
    assert "Origin" in answered.headers["vary"]
    assert "access-control-allow-credentials" not in {*allowed.headers, *answered.headers}


STRANGERS = ["https://evil.example.com", f"{ORIGIN}.evil.com", "null", "http://dashboard.example.com", f"{ORIGIN}:444"]


@pytest.mark.parametrize("origin", STRANGERS)
def test_a_page_that_they_do_not_name_may_not(edge, origin):
    refused, answered = preflight(edge, origin), post(edge, headers={"origin": origin})

    assert refused.status_code == 400
    assert "access-control-allow-origin" not in {*refused.headers, *answered.headers}


def test_even_a_refusal_can_be_read_by_the_page(edge):
    response = post(edge, headers={"origin": ORIGIN, "authorization": "Bearer nobody"})

    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("given", ["a", "0f3c-42_x.y", "A" * 64])
def test_a_callers_id_ties_both_logs_together(edge, given):
    response = post(edge, headers={"x-request-id": given})

    assert response.headers["x-request-id"] == given
    assert f'"request_id":"{given}"' in edge.written()


@pytest.mark.parametrize("given", ["", "A" * 65, "a b", 'a"b', "a\tb", "<script>", "é".encode()])
def test_an_id_that_could_be_more_than_a_name_is_not_taken(edge, given):
    found = post(edge, headers={"x-request-id": given}).headers["x-request-id"]

    assert len(found) == 16
    int(found, 16)


@pytest.mark.parametrize("member", ["query", "operationName", "documentId"])
def test_nothing_that_was_sent_becomes_a_header(edge, member):
    injected = "x\r\nset-cookie: a=b\r\n\r\n<html>"
    body = {"query": "{viewer{name}}", member: injected}

    response = post(edge, json.dumps(body))

    assert "set-cookie" not in response.headers
    assert response.json()["errors"]


def test_an_injected_header_in_the_address_is_not_reflected(edge):
    with connected(edge.url) as wire:
        wire.sendall(b"GET /graphql?query=a\r\nset-cookie: a=b\r\n\r\n HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = until_closed(wire)

    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505"))
    assert b"set-cookie" not in answer


def test_variables_have_an_end_of_their_own(edge):
    body = json.dumps({"query": "{viewer{name}}", "variables": {"a": "x" * 3000}})

    refused = post(edge, body)
    by_get = get(edge, query="{viewer{name}}", variables=json.dumps({"a": "x" * 3000}))
    spaced = post(edge, '{"query":"{viewer{name}}","variables":{' + " " * 3000 + "}}")

    assert [refused.status_code, by_get.status_code, spaced.status_code] == [413, 413, 200]
    assert refused.json()["errors"][0]["message"] == "`variables` are larger than 2000 bytes."


def test_a_document_has_an_end_of_its_own(edge):
    response = post(edge, json.dumps({"query": "{viewer{name}}" + " " * 200_000}))

    assert response.status_code == 413


def test_of_two_equal_keys_the_last_counts(edge):
    response = post(edge, '{"query":"{nothing}","query":"{viewer{name}}"}')

    assert response.json() == {"data": {"viewer": {"name": "demo-operator"}}}


def test_a_batch_of_a_thousand_is_one_refusal(edge):
    response = post(edge, json.dumps([{"query": "{viewer{name}}"}] * 1000))

    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "Batches are not supported; send one operation per request."


def test_nothing_else_is_ever_kept(edge):
    answers = [post(edge), get(edge, query="{viewer{name}}"), get(edge), post(edge, "[]")]

    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert not any("etag" in answer.headers for answer in answers)


def test_a_browser_gets_the_page_only_where_it_asks_nothing(edge):
    page = get(edge, {"accept": BROWSER})
    answers = [
        get(edge, {"accept": BROWSER}, query="{viewer{name}}"),
        get(edge, {"accept": BROWSER}, documentId="unknown"),
        get(edge, {"accept": BROWSER}, extensions='{"persistedQuery":{"version":1,"sha256Hash":"' + "a" * 64 + '"}}'),
    ]

    assert page.headers["content-type"].startswith("text/html")
    assert {answer.headers["content-type"] for answer in answers} == {f"{JSON}; charset=utf-8"}


def test_a_program_that_likes_json_better_gets_no_page(edge):
    response = get(edge, {"accept": f"text/html;q=0.5, {JSON}"})

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


def test_nothing_of_the_above_was_an_error_of_ours(edge):
    assert "graphql.failed" not in edge.written()
    assert "graphql.unexpected" not in edge.written()
    assert "Traceback" not in edge.written()
