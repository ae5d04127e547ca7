"""HTTP byte by byte, as no client library would send it."""

import socket
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

PATIENCE_SECONDS = 60
# Of the server in conftest.py.
ORIGIN = "https://dashboard.example.com"
HEADER_SECONDS = 1.0
BODY_SECONDS = 1.5
KEEP_ALIVE_SECONDS = 2
CONNECTIONS = 100
BODY = b'{"query":"{viewer{name}}"}'
HEAD = b"POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer demo-operator\r\ncontent-type: application/json\r\n"
WHOLE = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


@contextmanager
def connected(url: str, receive_bytes: int | None = None):
    """A socket to the server; `receive_bytes` is how little of an answer the kernel takes for a client that sleeps."""
    parts = urlsplit(url)
    with socket.socket() as wire:
        if receive_bytes is not None:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        wire.settimeout(PATIENCE_SECONDS)
        wire.connect((parts.hostname, parts.port))
        yield wire


def until_closed(wire: socket.socket) -> bytes:
    """Everything that comes until the server hangs up; fails where it never does."""
    found = b""
    try:
        while chunk := wire.recv(65536):
            found += chunk
    except ConnectionResetError:
        pass
    return found


def dripped(wire: socket.socket, text: bytes, pause: float) -> bytes:
    """Sends byte by byte for as long as the server takes it, then what it has said."""
    wire.setblocking(False)
    found = b""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for number in range(len(text)):
        assert time.monotonic() < deadline, "the server would wait for ever"
        try:
            wire.send(text[number : number + 1])
            chunk = wire.recv(65536)
            if not chunk:
                return found
            found += chunk
        except BlockingIOError:
            time.sleep(pause)
        except (ConnectionResetError, BrokenPipeError):
            return found
    raise AssertionError("the server took everything")


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def one_answer(wire: socket.socket) -> bytes:
    """The next answer of a connection that stays open."""
    found = b""
    while b"\r\n\r\n" not in found:
        byte = wire.recv(1)
        assert byte, "The server closed the connection without an answer."
        found += byte
    length = next(line for line in found.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    left = int(length.split(b":")[1])
    while left:
        chunk = wire.recv(left)
        found, left = found + chunk, left - len(chunk)
    return found
