"""The callers of bench/mixed.py: kept connections and subscribers, and the times of answers and events.

A time of an answer counts from when its request was due.
"""

import asyncio
import json
import random
import select
import selectors
import time
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import websockets
from driver import SHARES, is_whole, quantile
from live_driver import ONE_EVENT, QUIET, opened, socket

Asked = dict[str, str]
# A request of the mix: its kind and its bytes.
Next = Callable[[], tuple[str, bytes]]
AT_A_TIME, SETTLED_SECONDS = 200, 2.0
GOOD = b"HTTP/1.1 200"
WRONG = (b'"errors":', b'"ValidationFailed"', b'"UpstreamFailed"', b'"retry":')


class Precise(selectors.EpollSelector):
    """epoll rounds a time-out up to milliseconds, so that requests would be late by half of one. select does not."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            select.select([self.fileno()], [], [], timeout)
        return super().select(0)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Precise())) as runner:
        return runner.run(main)


class Wire(asyncio.Protocol):
    """One kept connection, one request at a time. `done(wire, fault)` is told of each answer; no fault is good."""

    def __init__(self, done: Callable[["Wire", str], None]) -> None:
        self._done = done
        self._buffer = bytearray()
        self._transport: Any = None
        self.kind, self.due, self.asked = "", 0.0, False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def ask(self, kind: str, request: bytes, due: float) -> None:
        self.kind, self.due, self.asked = kind, due, True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if is_whole(self._buffer):
            fault = "error" if any(one in self._buffer for one in WRONG) else ""
            if not self._buffer.startswith(GOOD):
                fault = self._buffer[9:12].decode()
            self._buffer.clear()
            self.asked = False
            self._done(self, fault)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio gives it.
        if self.asked:
            self._done(self, "cut")

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()


class Callers:
    """Connections that ask in turn, so that each of them is used again and again."""

    def __init__(self, asked: Asked) -> None:
        parts = urlsplit(asked["url"])
        self._address = (parts.hostname, parts.port)
        self._free: deque[Wire] = deque()
        self._ended: Callable[[Wire], None] = self._free.append
        self._forget()

    def _forget(self) -> None:
        self.taken: defaultdict[str, list[float]] = defaultdict(list)
        self.late: list[float] = []
        self.wrong: defaultdict[str, int] = defaultdict(int)

    @property
    def open(self) -> int:
        """The connections that are free and have not been closed by the server."""
        return sum(wire.is_open for wire in self._free)

    def _done(self, wire: Wire, fault: str) -> None:
        if fault:
            self.wrong[f"{wire.kind} {fault}"] += 1
        else:
            self.taken[wire.kind].append(time.perf_counter() - wire.due)
        self._ended(wire)

    async def connect(self, wanted: int, request: bytes) -> None:
        """Open connections until there are so many. Each sends one request."""
        loop = asyncio.get_running_loop()
        while len(self._free) < wanted:
            some = min(AT_A_TIME, wanted - len(self._free))
            pairs = [loop.create_connection(lambda: Wire(self._done), *self._address) for _ in range(some)]
            expected = len(self._free) + some
            for _, wire in await asyncio.gather(*pairs):
                wire.ask("first", request, time.perf_counter())
            await self._until(expected)

    async def each(self, requests: list[bytes], connections: int) -> None:
        """Send each request once."""
        left = iter(requests)

        def again(wire: Wire) -> None:
            if (request := next(left, None)) is None:
                self._free.append(wire)
            else:
                wire.ask("first", request, time.perf_counter())

        await self._until_free(connections, again)

    async def closed(self, next_request: Next, connections: int, seconds: float) -> float:
        """Answers a second over so many connections, each of which asks as soon as it has its answer."""
        self._forget()
        end = time.perf_counter() + seconds

        def again(wire: Wire) -> None:
            if time.perf_counter() < end:
                wire.ask(*next_request(), time.perf_counter())
            else:
                self._free.append(wire)

        await self._until_free(connections, again)
        return sum(map(len, self.taken.values())) / seconds

    async def _until_free(self, connections: int, again: Callable[[Wire], None]) -> None:
        before = len(self._free)
        self._ended = again
        for _ in range(connections):
            again(self._free.popleft())
        await self._until(before)
        self._ended = self._free.append

    async def _until(self, free: int) -> None:
        while len(self._free) < free:  # noqa: ASYNC110 - the pause is short beside a round.
            await asyncio.sleep(0.01)

    async def offered(self, next_request: Next, rate: float, seconds: float, *, even: bool) -> None:
        """Requests at a rate, whatever becomes of those before; at random times, unless they are even."""
        self._forget()
        dice = random.Random(5)
        due = time.perf_counter()
        end = due + seconds
        while due < end:
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            kind, request = next_request()
            while self._free and not self._free[0].is_open:
                self._free.popleft()
                self.wrong["connection"] += 1
            if self._free:
                self.late.append(time.perf_counter() - due)
                self._free.popleft().ask(kind, request, due)
            else:
                self.wrong["not sent"] += 1
            due += 1 / rate if even else dice.expovariate(rate)
        await asyncio.sleep(SETTLED_SECONDS)

    def figures(self) -> dict[str, Any]:
        times = {
            kind: {name: quantile(sorted(taken), share) for name, share in SHARES.items()} | {"answers": len(taken)}
            for kind, taken in self.taken.items()
        }
        late = quantile(sorted(self.late), 0.99)
        return {"milliseconds": times, "wrong": dict(self.wrong), "driver_late_p99": late}


class Subscribers:
    """Streams over WebSockets: those that read the last event of each deposit, and those without events."""

    def __init__(self) -> None:
        self.lags: list[float] = []

    async def open(self, asked: Asked, live: int, quiet: int, stack: AsyncExitStack) -> None:
        for _ in range(live):
            wire = await stack.enter_async_context(socket(asked, 1, ONE_EVENT))
            stack.callback(asyncio.create_task(self._read(wire)).cancel)
        for first in range(0, quiet, 100):
            await stack.enter_async_context(socket(asked, min(100, quiet - first), QUIET))
        await opened(asked, live + quiet)

    async def _read(self, wire: websockets.ClientConnection) -> None:
        with suppress(websockets.ConnectionClosed):
            async for message in wire:
                now = time.time()
                payload = json.loads(message).get("payload")
                # A bookmark has no event.
                if payload and (event := payload["data"]["instructionEvents"]["event"]):
                    self.lags.append(now - datetime.fromisoformat(event["at"]).timestamp())

    def figures(self) -> dict[str, Any]:
        lags = sorted(self.lags)
        return {name: quantile(lags, share) for name, share in SHARES.items()} | {"answers": len(lags)}
