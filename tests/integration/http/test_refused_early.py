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
                whole_refusal=lambda data, _: self.shedding.whole_refusal(data, 1),
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
def serving(application: Application) -> Iterator[str]:
    protocol = partial(BoundedProtocol, limits=HttpSection())
    server = uvicorn.Server(uvicorn.Config(application, port=0, http=protocol, log_level="critical"))
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
