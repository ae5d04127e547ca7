"""Answers that are written at once are what uvicorn would have sent in two messages."""

from types import SimpleNamespace

import pytest
from support.wire import BODY, HEAD, WHOLE, connected, one_answer, status, until_closed

from api.wire.direct_write import head, write_at_once
from api.wire.request_state import state_of

ANSWER = b'{"data":{"viewer":{"name":"demo-operator"}}}'
REFUSED = WHOLE.replace(b"demo-operator", b"nobody")


def parts(answer: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    first, _, body = answer.partition(b"\r\n\r\n")
    line, *headers = first.split(b"\r\n")
    return line, dict(header.split(b": ", 1) for header in headers), body


@pytest.mark.parametrize("request_bytes", [WHOLE, REFUSED], ids=["answered", "refused"])
def test_both_ways_say_the_same(direct, edge, request_bytes):
    found = []
    for server in (direct, edge):
        with connected(server.url) as wire:
            wire.sendall(request_bytes)
            found.append(parts(one_answer(wire)))

    (line, headers, body), (same_line, with_cors, same_body) = found
    assert (line, body) == (same_line, same_body)
    assert set(with_cors) - set(headers) <= {b"access-control-allow-origin", b"access-control-expose-headers"}
    theirs = {b"vary", b"x-request-id", b"ratelimit"}
    assert {name: value for name, value in headers.items() if name not in theirs}.items() <= with_cors.items()
    assert headers[b"vary"] == b"Accept, Accept-Encoding, Authorization"


def test_requests_that_are_sent_ahead_are_answered_in_their_order(direct):
    with connected(direct.url) as wire:
        wire.sendall(WHOLE + REFUSED + WHOLE)
        answers = [one_answer(wire) for _ in range(3)]
        wire.sendall(WHOLE)
        answers.append(one_answer(wire))

    assert [status(answer) for answer in answers] == [200, 401, 200, 200]
    assert [parts(answer)[2] for answer in answers[2:]] == [ANSWER, ANSWER]


@pytest.mark.parametrize("asked", [b"connection: close\r\nhost", b"host"], ids=["close", "1.0"])
def test_a_connection_that_ends_is_said_to_end(direct, asked):
    request = WHOLE.replace(b"host", asked, 1)
    with connected(direct.url) as wire:
        wire.sendall(request if b"close" in asked else request.replace(b"HTTP/1.1", b"HTTP/1.0"))
        line, headers, body = parts(until_closed(wire))

    assert (line, headers[b"connection"], body) == (b"HTTP/1.1 200 OK", b"close", ANSWER)


def test_head_gets_headers_alone(direct):
    with connected(direct.url) as wire:
        target = b"HEAD /graphql "
        wire.sendall(HEAD.replace(b"POST /graphql ", target) + b"connection: close\r\n\r\n")
        line, headers, body = parts(until_closed(wire))

    assert (line, body) == (b"HTTP/1.1 400 Bad Request", b"")
    assert int(headers[b"content-length"])


def test_a_client_that_waits_to_be_told_to_go_on_is_told(direct):
    with connected(direct.url) as wire:
        wire.sendall(HEAD + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(BODY))
        told = wire.recv(25)
        wire.sendall(BODY)
        answer = one_answer(wire)

    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert parts(answer)[2] == ANSWER


def test_a_value_that_would_end_the_header_is_not_written():
    with pytest.raises(RuntimeError):
        head(200, {"X-Request-Id": "a\r\nSet-Cookie: b"}, 0)


def test_an_answer_without_a_body_has_no_length():
    assert (
        head(304, {"ETag": '"a"'}, 0)
        == b'HTTP/1.1 304 Not Modified\r\nx-content-type-options: nosniff\r\netag: "a"\r\n\r\n'
    )


USUAL = {"keep_alive": True, "disconnected": False, "response_started": False, "default_headers": [],
         "more_body": False}  # fmt: skip
ODD = [{"keep_alive": False}, {"disconnected": True}, {"response_started": True}, {"default_headers": [(b"a", b"b")]}]


@pytest.mark.parametrize("odd", [*ODD, {"paused": True}, {"method": "HEAD"}])
def test_whatever_is_not_usual_is_left_to_uvicorn(odd):
    facts = USUAL | {"paused": False, "method": "POST"} | odd
    cycle = SimpleNamespace(
        **facts, flow=SimpleNamespace(write_paused=facts["paused"]), scope={"method": facts["method"]}
    )

    scope = {}
    state_of(scope).cycle = lambda: cycle

    assert not write_at_once(scope, 200, {}, b"")
    assert not write_at_once({}, 200, {}, b"")
