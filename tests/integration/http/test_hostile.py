"""What hostile clients send, over real sockets: a clear refusal each, and the server is no larger afterwards."""

import gzip
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
import pytest
from support.wire import HEAD, WHOLE, connected, one_answer, status, until_closed

TEN_MEGABYTES = 10 * 1024 * 1024
TIMES = 20
# Twenty of the largest bodies are two hundred megabytes; what stays is what Python keeps for the next ones.
MAY_GROW_BYTES = 40 * 1024 * 1024


def asking(query: str) -> bytes:
    return whole(msgspec.json.encode({"query": query}))


def whole(body: bytes, more: bytes = b"") -> bytes:
    accept = b"accept: application/graphql-response+json\r\n"
    return HEAD + accept + more + b"content-length: %d\r\n\r\n" % len(body) + body


def in_chunks(body: bytes, size: int = 65_536) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def doubled(levels: int) -> str:
    fragments = [f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels)]
    return f"{{ ...f0 }} {' '.join(fragments)} fragment f{levels} on Query {{ viewer {{ name }} }}"


HOSTILE = {
    "a body of ten megabytes": (whole(b'{"query":"' + b" " * TEN_MEGABYTES + b'"}'), 413),
    "ten megabytes in chunks": (in_chunks(b'{"query":"' + b" " * TEN_MEGABYTES + b'"}'), 413),
    "ten megabytes in small chunks": (in_chunks(b" " * 1_100_000, 8), 413),
    "a gzip bomb": (whole(gzip.compress(b" " * TEN_MEGABYTES * 5), b"content-encoding: gzip\r\n"), 415),
    "a deep document": (asking("{ client" * 300 + "}" * 300), 400),
    "a deep value": (asking("{ clients(filter: " + "[" * 900 + "]" * 900 + ") { totalCount } }"), 400),
    "a deep body": (whole(b'{"variables":' + b"[" * 500_000), 400),
    "a wide document": (asking("{ viewer { " + "name " * 1500 + "} }"), 400),
    "a document of aliases": (asking("{ " + " ".join(f"a{n}: viewer {{ name }}" for n in range(200)) + " }"), 400),
    "fragments in a circle": (asking("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"), 400),
    "fragments that double": (asking(doubled(60)), 400),
    "a batch of a thousand": (whole(b"[" + b",".join([b'{"query":"{viewer{name}}"}'] * 1000) + b"]"), 400),
    "a number without end": (asking("{ clients(first: " + "9" * 100_000 + ") { totalCount } }"), 400),
    "a name without end": (asking("{ " + "a" * 100_000 + " }"), 400),
    "invalid utf-8": (whole(b'{"query":"{ viewer { name } } # \xff\xfe"}'), 400),
    "a null byte": (whole(b'{"query":"{ viewer { name } } # \x00"}'), 400),
    "an escaped null": (whole(b'{"query":"{ viewer { name } } # \\u0000"}'), 400),
    "an injected header": (HEAD + b"x-request-id: a\rset-cookie: b=c\r\ncontent-length: 0\r\n\r\n", 400),
    "a null byte in a header": (HEAD + b"x-request-id: a\x00b\r\ncontent-length: 0\r\n\r\n", 400),
}


def resident_bytes(process) -> int:
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4096


def answer_to(url: str, text: bytes) -> bytes:
    with connected(url) as wire:
        # A server that has refused reads no further, so the client may be cut off in the middle of its own words.
        with suppress(ConnectionResetError, BrokenPipeError):
            wire.sendall(text)
        return one_answer(wire)


@pytest.mark.parametrize("text, expected", HOSTILE.values(), ids=HOSTILE)
def test_it_is_refused_and_the_server_does_not_grow(edge, text, expected):
    answer_to(edge.url, text)
    before = resident_bytes(edge.process)

    answers = [answer_to(edge.url, text) for _ in range(TIMES)]

    assert {status(answer) for answer in answers} == {expected}
    assert all(b"INTERNAL_ERROR" not in answer and b"set-cookie" not in answer for answer in answers)
    assert resident_bytes(edge.process) - before < MAY_GROW_BYTES


def test_fifty_that_drip_take_nothing(edge):
    """Slow-loris: half a request each, and never the rest."""
    before = resident_bytes(edge.process)
    with ExitStack() as stack:
        wires = [stack.enter_context(connected(edge.url)) for _ in range(50)]
        for wire in wires:
            wire.sendall(HEAD + b"x-a: b\r\n" * 20)
        with connected(edge.url) as other:
            other.sendall(WHOLE)
            assert status(one_answer(other)) == 200
        grown = resident_bytes(edge.process) - before
        ends = [until_closed(wire) for wire in wires]

    assert {status(end) for end in ends} == {408}
    assert grown < MAY_GROW_BYTES
