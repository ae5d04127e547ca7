"""The protocol writes a refusal itself: the application sees neither this request nor one behind the last answer."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import pytest
import uvicorn
from support.wire import PATIENCE_SECONDS, WHOLE, connected, one_answer, status, until_closed

from api.admission.limiter import ConcurrencyLimiter
from api.admission.load_shedding import LoadShedding
from api.settings.http import HttpSection
from api.settings.overload import OverloadSection
from api.wire.protocol import BoundedProtocol
from core.clock import Clock

CHUNKED = WHOLE.partition(b"content-length")[0] + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n\r\n"
OTHER = b"GET /other HTTP/1.1\r\nhost: x\r\n\r\n"


class Application:
    """Notes each request that gets a task. `tasks` is the bound."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        section = OverloadSection(max_in_flight=1, max_running=1)
        self.shedding = LoadShedding(self, ConcurrencyLimiter(section, Clock(), lambda: 0.0), HttpSection())

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            # The hard bound is always reached.
            refusing = SimpleNamespace(
                may_refuse=lambda _: self.shedding.may_refuse(1),
                refusal=lambda scope, _: self.shedding.refusal(scope, 1),
                whole_refusal=lambda data, last, _: self.shedding.whole_refusal(data, last, 1),
            )
            scope["state"]["shedding"] = refusing
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.seen.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


@contextmanager
def serving(application: Application, keep_alive: int = 5) -> Iterator[str]:
    protocol = partial(BoundedProtocol, limits=HttpSection())
    config = uvicorn.Config(application, port=0, http=protocol, log_level="critical", timeout_keep_alive=keep_alive)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)


@pytest.fixture
def application() -> Application:
    return Application()


def test_a_refused_request_gets_no_task(application):
    with serving(application) as url, connected(url) as wire:
        answers = []
        for parts in ([WHOLE], [WHOLE], [WHOLE[:50], WHOLE[50:]]):
            for part in parts:
                wire.sendall(part)
                time.sleep(0.01)
            answers.append(status(one_answer(wire)))
        wire.sendall(OTHER)
        answers.append(status(one_answer(wire)))

    assert answers == [503, 503, 503, 200]
    assert application.seen == ["/other"]


@pytest.mark.parametrize("last", [CHUNKED, WHOLE.replace(b"host: x", b"host: x\r\nconnection: close")])
def test_a_request_behind_the_last_answer_gets_no_task(application, last):
    with serving(application) as url:
        with connected(url) as wire:
            wire.sendall(last + OTHER)
            answer = until_closed(wire)
        with connected(url) as wire:
            wire.sendall(OTHER)
            one_answer(wire)

    assert (status(answer), answer.count(b"HTTP/1.1 ")) == (503, 1)
    assert application.seen == ["/other"]


@pytest.mark.parametrize(
    "again, answers",
    [
        pytest.param(WHOLE, [503], id="the same"),
        pytest.param(WHOLE[:-1] + b" ", [503], id="another body"),
        pytest.param(WHOLE + WHOLE, [503, 503], id="two"),
        pytest.param(WHOLE + OTHER, [503, 200], id="another one behind it"),
        pytest.param(WHOLE.replace(b"host: x", b"host: y"), [503], id="another head"),
    ],
)
def test_a_repeated_head_does_not_hide_what_follows_it(application, again, answers):
    with serving(application) as url, connected(url) as wire:
        for _ in range(2):
            wire.sendall(WHOLE)
            one_answer(wire)
        wire.sendall(again)

        assert [status(one_answer(wire)) for _ in answers] == answers


def test_a_repeated_head_with_a_shorter_body_waits_for_its_rest(application):
    with serving(application) as url, connected(url) as wire:
        wire.sendall(WHOLE)
        one_answer(wire)
        wire.sendall(WHOLE[:-3])
        time.sleep(0.05)
        wire.sendall(WHOLE[-3:] + OTHER)

        assert [status(one_answer(wire)) for _ in range(2)] == [503, 200]


def test_a_refusal_prolongs_an_idle_connection_which_is_closed_later(application):
    with serving(application, keep_alive=2) as url, connected(url) as wire:
        for _ in range(6):
            wire.sendall(WHOLE)
            assert status(one_answer(wire)) == 503
            time.sleep(0.4)
        assert until_closed(wire) == b""
