import asyncio
import socket

import msgspec
import pytest
import structlog
from support.vendor_calls import SHORT, a_call, answer, cut, silence

from core.clock import Clock
from core.errors import Misunderstood, OutcomeUnknown, Reason, Rejected, System, Unavailable
from upstreams.http.health import LinkState
from upstreams.http.link import Link
from upstreams.http.request import HttpRequest

pytestmark = pytest.mark.anyio

limits = msgspec.structs.replace
READ = HttpRequest("GET", "/thing")
WRITE = HttpRequest("POST", "/thing", content=b'{"amount":1}', writes=True)


def words(reply):
    return msgspec.json.decode(reply.body)


@pytest.fixture
async def link(stranger):
    opened = Link(System("CPLUGIN"), "main", stranger.url, SHORT, Clock(), label="CPlugin")
    yield opened
    await opened.aclose()


def nobody() -> str:
    """An address without a listener."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
async def dead_link():
    opened = Link(System("CPLUGIN"), "main", nobody(), SHORT, Clock(), label="CPlugin")
    yield opened
    await opened.aclose()


async def test_a_refused_connection_proves_that_a_write_never_left(dead_link):
    call = a_call()

    with pytest.raises(Unavailable) as failed:
        await dead_link.write(WRITE, words, call)

    assert failed.value.message == "CPlugin cannot be reached."
    assert call.tally.calls == {System("CPLUGIN"): 1}


async def test_a_refused_read_is_tried_twice(dead_link):
    call = a_call()

    with pytest.raises(Unavailable):
        await dead_link.read(READ, words, call)

    assert call.tally.calls == {System("CPLUGIN"): 2}


async def test_a_handshake_that_hangs_proves_that_a_write_never_left(stranger):
    stranger.answers = [silence]
    link = Link(System("CPLUGIN"), "main", stranger.url.replace("http:", "https:"), SHORT, Clock())

    with pytest.raises(Unavailable):
        await link.write(WRITE, words, a_call())

    await link.aclose()


async def test_our_time_running_out_in_the_handshake_proves_it_too(stranger):
    stranger.answers = [silence]
    hasty = limits(SHORT, connect_timeout_seconds=30.0, total_timeout_seconds=0.1)
    link = Link(System("CPLUGIN"), "main", stranger.url.replace("http:", "https:"), hasty, Clock())

    with pytest.raises(Unavailable):
        await link.write(WRITE, words, a_call())

    await link.aclose()


async def test_a_connection_cut_after_the_first_byte_leaves_a_write_in_doubt(link, stranger):
    stranger.answers = [cut]

    with pytest.raises(OutcomeUnknown):
        await link.write(WRITE, words, a_call())

    assert len(stranger.asked) == 1


async def test_a_read_that_was_cut_is_answered_by_the_second_try(link, stranger):
    stranger.answers = [cut, answer(200, b'{"a":1}')]
    call = a_call()

    assert await link.read(READ, words, call) == {"a": 1}
    assert call.tally.calls == {System("CPLUGIN"): 2}


async def test_silence_leaves_a_write_in_doubt(link, stranger):
    stranger.answers = [silence]

    with pytest.raises(OutcomeUnknown):
        await link.write(WRITE, words, a_call())


async def test_a_silent_vendor_is_not_asked_twice(link, stranger):
    stranger.answers = [silence]

    with pytest.raises(Unavailable):
        await link.read(READ, words, a_call())

    assert len(stranger.asked) == 1


async def test_a_dripping_answer_ends_with_the_total_time(stranger):
    """httpx alone would wait as long as each next byte comes within its read time-out."""

    async def drip(writer):
        # A whole answer, were one to wait a second for it.
        for byte in answer(200, b"1" * 100):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.01)

    stranger.answers = [drip]
    link = Link(System("CPLUGIN"), "main", stranger.url, limits(SHORT, total_timeout_seconds=0.3), Clock())

    with pytest.raises(Unavailable):
        await link.read(READ, words, a_call())

    await link.aclose()


async def test_the_callers_deadline_never_cuts_a_write_that_left(link, stranger):
    async def late(writer):
        await asyncio.sleep(0.7)
        writer.write(answer(200, b'{"ticket":7}'))

    stranger.answers = [late]

    assert await link.write(WRITE, words, a_call(seconds=0.5)) == {"ticket": 7}


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(answer(200, b""), id="empty"),
        pytest.param(answer(204, b""), id="another success"),
        pytest.param(answer(200, b"<html>"), id="page"),
        pytest.param(answer(200, b'{"a":'), id="half"),
        pytest.param(answer(302, b"", "location: /elsewhere\r\n"), id="redirect"),
        pytest.param(answer(400, b"{}"), id="undocumented refusal"),
        pytest.param(answer(500, b"{}"), id="500"),
        pytest.param(answer(503, b"", "retry-after: 3\r\n"), id="503"),
        pytest.param(answer(200, b"{}", "content-encoding: gzip\r\n"), id="packed"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="no HTTP"),
        pytest.param(b"HTTP/1.1 200 x\r\ncontent-length: 50\r\n\r\n{}", id="cut body"),
    ],
)
async def test_whatever_else_comes_back_leaves_a_write_in_doubt(link, stranger, reply):
    async def reply_and_cut(writer):
        writer.write(reply)
        return False

    stranger.answers = [reply_and_cut]

    with pytest.raises(OutcomeUnknown):
        await link.write(WRITE, words, a_call())

    assert len(stranger.asked) == 1


async def test_a_defect_in_our_reading_leaves_a_write_in_doubt(link):
    def defect(_reply):
        raise KeyError("ticket")

    with pytest.raises(OutcomeUnknown):
        await link.write(WRITE, defect, a_call())


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(answer(200, b"<html>"), id="page"),
        pytest.param(answer(302, b"", "location: /elsewhere\r\n"), id="redirect"),
        pytest.param(answer(200, b"{}", "content-encoding: gzip\r\n"), id="packed"),
        pytest.param(answer(200, b"[" * 9000), id="nested too deeply"),
        pytest.param(answer(200, b"1" * 20_000), id="too large"),
    ],
)
async def test_a_read_of_nonsense_is_misunderstood_and_not_repeated(stranger, reply):
    stranger.answers = [reply]
    link = Link(System("CPLUGIN"), "main", stranger.url, limits(SHORT, max_answer_bytes=10_000), Clock())

    with pytest.raises(Misunderstood):
        await link.read(READ, words, a_call())

    assert len(stranger.asked) == 1
    await link.aclose()


@pytest.mark.parametrize("request_", [READ, WRITE])
async def test_429_was_not_taken_and_says_when_to_come_back(link, stranger, request_):
    stranger.answers = [answer(429, b"", "retry-after: 7\r\n")]

    with pytest.raises(Unavailable) as failed:
        await (link.write if request_.writes else link.read)(request_, words, a_call())

    assert (failed.value.reason, failed.value.retry_after_seconds) == (Reason.RATE_LIMITED, 7.0)
    assert len(stranger.asked) == 1


async def test_a_503_that_names_its_time_is_not_repeated(link, stranger):
    stranger.answers = [answer(503, b"", "retry-after: 3\r\n")]

    with pytest.raises(Unavailable) as failed:
        await link.read(READ, words, a_call())

    assert (failed.value.retry_after_seconds, len(stranger.asked)) == (3.0, 1)


async def test_a_gateways_502_is_tried_again(link, stranger):
    stranger.answers = [answer(502, b""), answer(200, b"[]")]

    assert await link.read(READ, words, a_call()) == []


async def test_retries_end_with_their_budget(stranger):
    stranger.answers = [answer(502, b"")]
    link = Link(System("CPLUGIN"), "main", stranger.url, limits(SHORT, breaker_failures=10_000), Clock())

    for _ in range(30):
        with pytest.raises(Unavailable):
            await link.read(READ, words, a_call())

    # 30 calls: a fifth of those made so far, and ten. The budget is exhausted after the 13th.
    assert len(stranger.asked) == 30 + 16
    await link.aclose()


async def test_a_vendor_that_failed_five_times_is_left_alone_but_not_its_other_servers(link, stranger):
    stranger.answers = [answer(503)]
    for _ in range(5):
        with pytest.raises(Unavailable):
            await link.read(HttpRequest("GET", "/thing", lane="R1"), words, a_call())

    with pytest.raises(Unavailable) as failed:
        await link.read(HttpRequest("GET", "/thing", lane="R1"), words, a_call())
    stranger.answers = [answer(200, b"[]")]
    other = await link.read(HttpRequest("GET", "/thing", lane="R2"), words, a_call())

    assert other == []
    assert 0 < failed.value.retry_after_seconds <= SHORT.breaker_open_seconds
    assert len(stranger.asked) == 6
    assert link.health().state is LinkState.DEGRADED


@pytest.mark.parametrize("status", [400, 401, 404, 429])
async def test_a_refusal_is_no_failure(link, stranger, status):
    stranger.answers = [answer(status)]

    for _ in range(8):
        with pytest.raises((Rejected, Unavailable)):
            await link.read(READ, words, a_call())

    assert len(stranger.asked) == 8


async def test_a_caller_in_a_hurry_opens_no_breaker(link, stranger):
    stranger.answers = [silence]

    for _ in range(8):
        with pytest.raises(Unavailable):
            await link.read(READ, words, a_call(seconds=0.15))

    assert len(stranger.asked) == 8


async def test_a_full_queue_refuses_at_once_and_sends_nothing(stranger):
    stranger.answers = [silence]
    link = Link(System("CPLUGIN"), "main", stranger.url, limits(SHORT, max_in_flight=1, max_waiting=1), Clock())
    first = asyncio.create_task(link.read(READ, words, a_call()))
    second = asyncio.create_task(link.read(READ, words, a_call()))
    await stranger.was_asked.wait()

    with pytest.raises(Unavailable) as failed:
        await link.read(READ, words, a_call())

    assert (failed.value.reason, failed.value.detail) == (Reason.RATE_LIMITED, "bulkhead")
    assert failed.value.retry_after_seconds > 0
    assert len(stranger.asked) == 1
    for task in (first, second):
        task.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    await link.aclose()


async def test_the_wait_in_the_queue_counts_against_the_deadline(stranger):
    stranger.answers = [silence]
    link = Link(System("CPLUGIN"), "main", stranger.url, limits(SHORT, max_in_flight=1), Clock())
    first = asyncio.create_task(link.read(READ, words, a_call()))
    await stranger.was_asked.wait()

    with pytest.raises(Unavailable):
        await link.write(WRITE, words, a_call(seconds=0.05))

    assert len(stranger.asked) == 1
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await link.aclose()


async def test_a_cancelled_call_frees_its_slot(stranger):
    stranger.answers = [silence]
    link = Link(System("CPLUGIN"), "main", stranger.url, limits(SHORT, max_in_flight=2), Clock())
    for moment in range(20):
        tasks = [asyncio.create_task(link.read(READ, words, a_call())) for _ in range(4)]
        await asyncio.sleep(moment / 1000)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(end) for end in ended] == [asyncio.CancelledError] * 4

    stranger.answers = [answer(200, b"[]")]

    assert await asyncio.gather(*(link.read(READ, words, a_call()) for _ in range(4))) == [[]] * 4
    await link.aclose()


async def test_the_vendors_rate_is_kept_and_the_rest_told_when(stranger):
    link = Link(
        System("HYPER"), "hyper", stranger.url, limits(SHORT, write_reserve=0.0), Clock(), requests_per_minute=3
    )
    for _ in range(3):
        await link.read(READ, words, a_call())

    with pytest.raises(Unavailable) as failed:
        await link.read(READ, words, a_call())

    assert failed.value.reason is Reason.RATE_LIMITED
    assert 50 < failed.value.retry_after_seconds <= 60
    assert len(stranger.asked) == 3
    await link.aclose()


async def test_cookies_are_not_kept(link, stranger):
    stranger.answers = [answer(200, b"[]", "set-cookie: session=1; Path=/\r\n")]

    await link.read(READ, words, a_call())
    await link.read(READ, words, a_call())

    assert b"cookie" not in stranger.asked[1].lower()


async def test_reads_share_a_connection_and_every_write_has_its_own(link, stranger):
    for _ in range(3):
        await link.read(READ, words, a_call())
    for _ in range(3):
        await link.write(WRITE, words, a_call())

    assert stranger.connections == 1 + 3


async def test_environment_proxies_are_ignored(stranger, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", nobody())
    link = Link(System("CPLUGIN"), "main", stranger.url, SHORT, Clock())

    assert await link.read(READ, words, a_call()) == {}
    await link.aclose()


async def test_one_line_in_the_log_and_no_secret_in_it(link, stranger):
    request = HttpRequest(
        "POST",
        "/clients/{login}",
        {"login": "424242"},
        query=[("token", "query-secret")],
        headers={"authorization": "Bearer header-secret"},
        content=b"body-secret",
        lane="R1",
    )
    stranger.answers = [answer(200, b'"answer-secret"')]

    with structlog.testing.capture_logs() as lines:
        await link.read(request, words, a_call())

    [line] = lines
    assert line.pop("milliseconds") >= 0
    assert line == {
        "event": "upstream_call",
        "log_level": "info",
        "outcome": "ok",
        "system": "CPLUGIN",
        "name": "main",
        "method": "POST",
        "path": "/clients/{login}",
        "lane": "R1",
        "attempt": 1,
        "request_id": "test",
        "status": 200,
        "bytes": 15,
    }
    assert "secret" not in repr(request)


async def test_health_tells_what_happened_last_and_since_when(link, stranger):
    fresh = link.health()
    stranger.answers = [answer(500), answer(500), answer(200)]

    with pytest.raises(Unavailable):
        await link.read(READ, words, a_call())
    failing = link.health()
    await link.read(READ, words, a_call())
    well = link.health()

    assert (fresh.state, fresh.p95_seconds, fresh.last_error) == (LinkState.UP, None, None)
    assert (failing.state, failing.last_error) == (LinkState.DEGRADED, "CPlugin answered with HTTP 500.")
    assert (well.state, well.last_error) == (LinkState.UP, None)
    assert fresh.since < failing.since < well.since
    assert well.p95_seconds > 0


async def test_a_value_never_becomes_another_path(link, stranger):
    await link.read(HttpRequest("GET", "/user/{login}", {"login": "../admin?x=1"}), words, a_call())

    assert stranger.asked[0].startswith(b"GET /user/..%2Fadmin%3Fx%3D1 HTTP/1.1\r\n")


READS = [
    (HttpRequest("GET", "/thing"), b"GET /thing HTTP/1.1", b"", b""),
    (HttpRequest("POST", "/thing"), b"POST /thing HTTP/1.1", b"content-length: 0", b""),
    (HttpRequest("POST", "/thing", content=b"a=b"), b"POST /thing HTTP/1.1", b"content-length: 3", b"a=b"),
    (
        HttpRequest("GET", "/a/{b}", {"b": "c d"}, query=(("e", "1,2&3"), ("f", "g h")), headers={"x-token": "t"}),
        b"GET /a/c%20d?e=1,2%263&f=g+h HTTP/1.1",
        b"x-token: t",
        b"",
    ),
]


@pytest.mark.parametrize("request_, line, header, body", READS, ids=["get", "post", "content", "values"])
async def test_a_read_arrives_as_it_was_described(link, stranger, request_, line, header, body):
    await link.read(request_, words, a_call())

    head, sent = stranger.asked[0].split(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    host = b"host: " + stranger.url.removeprefix("http://").encode()
    usual = [host, b"accept: application/json", b"accept-encoding: identity", b"user-agent: brokergraph"]
    assert (first, sent) == (line, body)
    assert [one for one in lines if one not in usual] == [header] * bool(header)
    assert len(lines) == 4 + bool(header)


async def test_a_header_that_comes_twice_is_one_with_a_comma(link, stranger):
    stranger.answers = [answer(200, headers="X-Thing: 1\r\nx-thing: 2\r\n")]

    found = await link.read(READ, lambda answer: answer.headers, a_call())

    assert found == {"content-length": "2", "x-thing": "1, 2"}


async def test_a_header_with_a_line_break_is_not_sent(link, stranger):
    with pytest.raises(Unavailable) as raised:
        await link.read(HttpRequest("GET", "/thing", headers={"x": "a\r\nhost: other"}), words, a_call())

    assert (raised.value.vendors_fault, stranger.asked) == (False, [])


async def test_a_write_is_not_taken_for_a_read_nor_a_read_for_a_write(link, stranger):
    with pytest.raises(ValueError, match="never sent through"):
        await link.read(WRITE, words, a_call())
    with pytest.raises(ValueError, match="marked as a write"):
        await link.write(READ, words, a_call())

    assert stranger.asked == []
