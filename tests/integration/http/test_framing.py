"""Requests that a proxy in front may read otherwise than we do, and clients that send ahead without reading."""

import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from support.wire import BODY, HEAD, PATIENCE_SECONDS, WHOLE, connected, one_answer, status, until_closed

from api.wire.framing import ambiguity

AUTH = b"authorization: Bearer demo-operator\r\ncontent-type: application/json\r\n"
AHEAD = 20_000
CHUNKED = b"1a\r\n" + BODY + b"\r\n0\r\n\r\n"
LENGTH = b"content-length: 26\r\n\r\n"
H2C = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"


def post(version: bytes = b"1.1", host: bytes = b"host: x\r\n", rest: bytes = LENGTH + BODY) -> bytes:
    return b"POST /graphql HTTP/" + version + b"\r\n" + host + AUTH + rest


ODD = {
    "without a version": (b"GET /graphql\r\n\r\n", 505),
    "of an older version": (post(b"0.9"), 505),
    "of a newer version": (post(b"2.0"), 505),
    "without a host": (post(host=b""), 400),
    "for two hosts": (post(host=b"host: a\r\nhost: b\r\n"), 400),
    "in another coding": (post(rest=b"transfer-encoding: gzip, chunked\r\n\r\n" + CHUNKED), 400),
    "in chunks of an old version": (post(b"1.0", rest=b"transfer-encoding: chunked\r\n\r\n" + CHUNKED), 400),
    "of two callers": (post(rest=b"authorization: Bearer demo-reader\r\n" + LENGTH + BODY), 400),
    "of two types": (post(rest=b"content-type: text/plain\r\n" + LENGTH + BODY), 400),
}


@pytest.mark.parametrize("text, expected", ODD.values(), ids=ODD)
def test_what_others_may_read_otherwise_is_refused_and_the_connection_ends(edge, text, expected):
    with connected(edge.url) as wire:
        wire.sendall(text)
        answer = until_closed(wire)

    assert status(answer) == expected
    assert b"viewer" not in answer


PLAIN = {
    "whole": post(),
    "old": post(b"1.0", host=b""),
    "in chunks": post(rest=b"transfer-encoding: chunked\r\n\r\n" + CHUNKED),
}


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_a_request_with_one_reading_is_answered(edge, text):
    with connected(edge.url) as wire:
        wire.sendall(text)
        answer = one_answer(wire)

    assert status(answer) == 200


def test_a_body_behind_an_upgrade_does_not_become_a_request(edge):
    """The parser ends at the headers of an upgrade: a body in a packet of its own was answered as a request
    of any sender.
    """
    with connected(edge.url) as wire:
        wire.sendall(HEAD + H2C + b"content-length: %d\r\n\r\n" % len(WHOLE))
        time.sleep(0.1)
        with suppress(ConnectionResetError, BrokenPipeError):
            wire.sendall(WHOLE)
        answer = until_closed(wire)

    assert answer.count(b"HTTP/1.1") <= 1
    assert b"viewer" not in answer


@pytest.mark.parametrize(
    "headers, refused",
    [([], False), ([(b"content-length", b"0")], False), ([(b"content-length", b"5")], True),
     ([(b"transfer-encoding", b"chunked")], True)],
)  # fmt: skip
def test_only_an_upgrade_with_a_body_is_refused(headers, refused):
    found = ambiguity("1.1", [(b"host", b"x"), *headers], upgrades=True)

    assert bool(found) is refused


def test_nonsense_behind_a_request_does_not_take_its_answer(edge):
    """Written at once, the refusal would be read as the answer to the request before."""
    with connected(edge.url) as wire:
        wire.sendall(WHOLE + b"NONSENSE\r\n\r\n")
        answer = until_closed(wire)

    assert status(answer) == 200
    assert answer.count(b"HTTP/1.1") == 1
    assert b'{"data":{"viewer":' in answer


def resident_bytes(process) -> int:
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4096


def test_requests_sent_ahead_without_end_are_not_kept(edge):
    """Each of these connections once held thousands of requests in memory, and the others waited for all of them."""
    ahead = (HEAD.replace(b"demo-operator", b"nobody") + b"content-length: 2\r\n\r\n{}") * AHEAD
    before = resident_bytes(edge.process)
    with ExitStack() as stack:
        wires = [stack.enter_context(connected(edge.url, receive_bytes=4096)) for _ in range(20)]
        for wire in wires:
            wire.settimeout(0.1)
            with suppress(OSError):
                wire.sendall(ahead)
        assert edge.data("{ viewer { name } }") == {"viewer": {"name": "demo-operator"}}
        kept = resident_bytes(edge.process) - before
        wires[0].settimeout(PATIENCE_SECONDS)
        answers = until_closed(wires[0]).count(b"HTTP/1.1")

    assert answers < AHEAD / 10
    assert kept < 30 * 1024 * 1024


def test_a_slash_at_the_end_leads_nowhere(edge):
    """Starlette would send the client to the host that the request names."""
    found = edge.client.post(f"{edge.url}/graphql/", headers={"host": "evil.example.com"})

    assert found.status_code == 404
    assert "evil" not in str(found.headers)
