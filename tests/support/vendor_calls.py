"""The adapters, opened on the sandbox's vendors, with limits short enough for tests that provoke every one of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
import pytest

from api.settings.settings import load_settings
from core.call import Call, Tally
from core.clock import Clock, Deadline
from upstreams.http.limits import Limits
from upstreams.open import Upstreams, UpstreamsConfig, open_upstreams
from upstreams.vendors.kit.token_store import memory_tokens
from upstreams.vendors.registry import VENDORS

Answering = Callable[[asyncio.StreamWriter], Awaitable[bool | None]]

SHORT = Limits(connect_timeout_seconds=0.5, read_timeout_seconds=1.0, total_timeout_seconds=1.5)
# For tests in which no time passes: a busy machine may take a second to connect.
UNHURRIED = Limits(connect_timeout_seconds=10.0, read_timeout_seconds=10.0, total_timeout_seconds=30.0)


def a_call(seconds: float = 10.0) -> Call:
    return Call(Deadline.after(seconds, Clock()), Tally(), "test")


def changed(config: UpstreamsConfig, section: str, name: str | None = None, **changes) -> UpstreamsConfig:
    """The same with other settings of a vendor's connections, or of the one of this name."""
    connections = {
        key: msgspec.structs.replace(one, **changes) if key[0] == section and name in {None, key[1]} else one
        for key, one in config.connections.items()
    }
    return msgspec.structs.replace(config, connections=connections)


def settings(box, limits: Limits = SHORT) -> UpstreamsConfig:
    """The box's own settings file, as the graph reads it, with other limits."""
    config = load_settings(box.settings_path, {}).upstreams
    for section in VENDORS:
        config = changed(config, section, limits=limits)
    config = changed(config, "hyper", requests_per_minute=10_000.0)
    return changed(config, "cplugin", write_timeout_header_seconds=1)


@pytest.fixture
async def house(well_behaved) -> AsyncIterator[Upstreams]:
    async with open_upstreams(settings(well_behaved), Clock(), memory_tokens) as opened:
        yield opened


@pytest.fixture
def call() -> Call:
    return a_call()


@dataclass
class Stranger:
    """A vendor of ten lines on loopback: each test says how it behaves, byte by byte."""

    url: str = ""
    asked: list[bytes] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    answers: list["bytes | Answering"] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await self._request(reader):
                self.asked.append(head)
                self.was_asked.set()
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                elif await answer(writer) is False:
                    break
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        return head + await reader.readexactly(length)


def answer(status: int, body: bytes = b"{}", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} x\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


async def cut(writer: asyncio.StreamWriter) -> bool:
    """Close without an answer."""
    return False


async def silence(writer: asyncio.StreamWriter) -> bool:
    await asyncio.sleep(3600)
    return False


@pytest.fixture
async def stranger() -> AsyncIterator[Stranger]:
    vendor = Stranger(answers=[answer(200)])
    tasks = set()

    async def accept(reader, writer):
        tasks.add(asyncio.current_task())
        with suppress(asyncio.CancelledError):
            await vendor.serve(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield vendor
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class HandClock(Clock):
    """Stands still until a test turns it; `sleep` turns it too."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)
