"""Receivers of webhooks on real sockets, with the library of Standard Webhooks as the judge of every signature."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from standardwebhooks import Webhook

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def status(code, *headers):
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {code} Any\r\n{lines}content-length: 0\r\n\r\n".encode()


@dataclass
class Receiver:
    """`answer` is the bytes of each answer; None: it never answers. `stays`: it does not hang up after an answer.

    `got` has (headers, body) of each request.
    """

    answer: bytes | None = OK
    stays: bool = False
    got: list[tuple[dict[str, str], dict]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    @property
    def url(self):
        return f"{self.scheme}://receiver.example:{self.port}/hooks?token=CANARY-URL"

    @property
    def ids(self):
        return [headers["webhook-id"] for headers, _ in self.got]

    @property
    def events(self):
        """(instruction, status) in the order of arrival."""
        return [(body["data"]["instructionId"], body["data"]["status"]) for _, body in self.got]

    def verify(self, secret):
        """Raises an error for a request without a valid signature."""
        for (headers, _), raw in zip(self.got, self.raw, strict=True):
            Webhook(secret).verify(raw, headers)

    async def __call__(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = [line.partition(": ") for line in head.split("\r\n")[1:] if line]
            headers = {name.lower(): value for name, _, value in lines}
            raw = await reader.readexactly(int(headers["content-length"]))
            self.raw.append(raw)
            self.got.append((headers, json.loads(raw)))
            if self.answer is None:
                await asyncio.Event().wait()
            writer.write(self.answer)
            await writer.drain()
            if self.stays:
                await reader.read()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The sender died or hung up, or the test has ended.
            writer.transport.abort()
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)


@asynccontextmanager
async def receiving(receiver=None, context=None):
    """A receiver that listens until the body ends."""
    receiver = receiver or Receiver()
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        await receiver(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", receiver.port, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    receiver.scheme = "https" if context else "http"
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def to_loopback(_host, _port):
    """Resolves every name to this machine."""
    return ["127.0.0.1"]
