"""Sends the same request again and again over kept connections, and says how long answers took.

    driver.py closed CONNECTIONS SECONDS     as many as there are connections, each as soon as the last is answered
    driver.py open   RATE        SECONDS     so many a second, whatever becomes of those before

The address, the key and the body come as JSON on standard input; the figures go out as JSON. A time counts from when
the request was due, so that an answer that comes late is not made good by asking later.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import uvloop

MOST_CONNECTIONS = 950


def request_of(key: str, body: bytes) -> bytes:
    head = f"POST /graphql HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
    head += f"Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def is_whole(answer: bytearray) -> bool:
    """Whether these are all bytes of an HTTP answer, which has a Content-Length."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    length = int(answer[:head].lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    return len(answer) >= head + 4 + length


class Connection(asyncio.Protocol):
    """One kept connection, one request at a time. `done(status, due)` is told of each answer; status 0: it was cut."""

    def __init__(self, request: bytes, done: Callable[["Connection", int, float], None]) -> None:
        self._request = request
        self._done = done
        self._buffer = bytearray()
        self._due = 0.0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, due: float) -> None:
        self._due = due
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if is_whole(self._buffer):
            status = int(self._buffer[9:12])
            self._buffer.clear()
            self._done(self, status, self._due)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio gives it.
        if self._due:
            self._done(self, 0, self._due)


class Driver:
    def __init__(self, target: dict[str, str]) -> None:
        parts = urlsplit(target["url"])
        self._address = (parts.hostname, parts.port)
        self._request = request_of(target["key"], target["body"].encode())
        self.answers: list[tuple[float, int, float]] = []
        self.late: list[float] = []

    async def connect(self, done: Callable[[Connection, int, float], None]) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(self._request, done), *self._address)
        return connection

    def note(self, status: int, due: float) -> None:
        now = time.perf_counter()
        self.answers.append((now, status, now - due))

    async def closed(self, connections: int, seconds: float) -> None:
        end = time.perf_counter() + seconds

        def done(connection: Connection, status: int, due: float) -> None:
            self.note(status, due)
            if time.perf_counter() < end and status:
                connection.ask(time.perf_counter())

        for _ in range(connections):
            (await self.connect(done)).ask(time.perf_counter())
        await asyncio.sleep(seconds + 0.5)

    async def open(self, rate: float, seconds: float) -> None:
        free: list[Connection] = []

        def done(connection: Connection, status: int, due: float) -> None:
            self.note(status, due)
            if status:
                free.append(connection)

        free += [await self.connect(done) for _ in range(min(MOST_CONNECTIONS, max(32, int(rate))))]
        started = time.perf_counter()
        for number in range(int(rate * seconds)):
            due = started + number / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            elif number % 8 == 0:
                await asyncio.sleep(0)
            if free:
                self.late.append(time.perf_counter() - due)
                free.pop().ask(due)
            else:
                self.answers.append((time.perf_counter(), -1, 0.0))
        await asyncio.sleep(1.0)

    def figures(self, seconds: float) -> dict[str, Any]:
        good = sorted(took for _, status, took in self.answers if status == 200)  # noqa: PLR2004
        first = min((at for at, _, _ in self.answers), default=0.0)
        return {
            "statuses": {str(status): count for status, count in Counter(one for _, one, _ in self.answers).items()},
            "answered_per_second": round(len(good) / seconds, 1),
            "milliseconds": {name: quantile(good, share) for name, share in SHARES.items()},
            "late_milliseconds_p99": quantile(sorted(self.late), 0.99),
            "first_answer_ok_seconds": min((at - first for at, one, _ in self.answers if one == 200), default=None),  # noqa: PLR2004
        }


SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def quantile(values: list[float], share: float) -> float | None:
    return round(values[min(len(values) - 1, int(len(values) * share))] * 1000, 2) if values else None


async def main() -> None:
    mode, amount, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    driver = Driver(json.load(sys.stdin))
    await (driver.closed(int(amount), seconds) if mode == "closed" else driver.open(amount, seconds))
    json.dump(driver.figures(seconds), sys.stdout)


if __name__ == "__main__":
    uvloop.run(main())
