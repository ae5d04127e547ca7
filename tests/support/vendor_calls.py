"""The adapters, opened on the sandbox's vendors, with limits short enough for tests that provoke every one of them."""

import asyncio
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
import pytest

from core.call import Call, Tally
from core.clock import Clock, Deadline
from core.secret import Secret
from upstreams.http.limits import Limits
from upstreams.open import Upstreams, open_upstreams
from upstreams.vendors.config import UpstreamsConfig
from upstreams.vendors.hyper.tokens import MemoryTokenStore

Answering = Callable[[asyncio.StreamWriter], Awaitable[bool | None]]

SHORT = Limits(connect_timeout_seconds=0.5, read_timeout_seconds=1.0, total_timeout_seconds=1.5)


def a_call(seconds: float = 10.0) -> Call:
    return Call(Deadline.after(seconds, Clock()), Tally(), "test")


def secrets(kind: type, value: object) -> object:
    if kind is Secret:
        return Secret(str(value))
    raise NotImplementedError(kind)


def settings(box, limits: Limits = SHORT) -> UpstreamsConfig:
    """The box's own settings file, as the graph reads it, with other limits."""
    parts = tomllib.loads(box.settings_path.read_text())
    names = ("hyper", "broctagon", "cplugin", "broker_work", "servers")
    config = msgspec.convert({name: parts[name] for name in names}, UpstreamsConfig, dec_hook=secrets)
    replace = msgspec.structs.replace
    return replace(
        config,
        hyper=replace(config.hyper, limits=limits, requests_per_minute=10_000.0),
        broctagon=replace(config.broctagon, limits=limits),
        cplugin={
            name: replace(vendor, limits=limits, write_timeout_header_seconds=1)
            for name, vendor in config.cplugin.items()
        },
        broker_work={name: replace(vendor, limits=limits) for name, vendor in config.broker_work.items()},
    )


@pytest.fixture
async def house(well_behaved) -> AsyncIterator[Upstreams]:
    async with open_upstreams(settings(well_behaved), Clock(), MemoryTokenStore()) as opened:
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
