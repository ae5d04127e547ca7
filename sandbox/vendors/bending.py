"""Answers under a fault: invented answers, and real answers with changed elements."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from starlette.types import Message

from sandbox.vendors.answers import encode
from sandbox.vendors.faults import Fault

NONSENSE = {
    "html": (b"text/html", b"<!DOCTYPE html><html><body><h1>Welcome to nginx!</h1></body></html>"),
    "json": (b"application/json", b'{"data": [{"login": 1000, "balance": 12.'),
    "empty": (b"application/json", b""),
}
BATCHES = ("data", "Data", "records", "answer")
"""The fields that hold lists: of CPlugin and Broker Work, Hyper, Broctagon, MT5."""


@dataclass(slots=True)
class Answer:
    """A stored or an invented answer."""

    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def messages(self) -> tuple[Message, Message]:
        headers = [(name, value) for name, value in self.headers if name.lower() != b"content-length"]
        if self.status != HTTPStatus.NO_CONTENT:
            headers.append((b"content-length", str(len(self.body)).encode()))
        return (
            {"type": "http.response.start", "status": self.status, "headers": headers},
            {"type": "http.response.body", "body": self.body},
        )


def canned(fault: Fault) -> Answer:
    """The invented answer of the fault, for any request."""
    if fault.fault == "nonsense":
        kind, body = NONSENSE[fault.kind]
        answer = Answer(200, [(b"content-type", kind)], body)
    elif fault.fault == "json" or fault.json is not None:
        answer = Answer(fault.status, [(b"content-type", b"application/json")], encode(fault.json))
    else:
        page = f"<html><body><h1>{fault.status}</h1></body></html>".encode()
        answer = Answer(fault.status, [(b"content-type", b"text/html")], page)
    if fault.retry_after is not None:
        answer.headers.append((b"retry-after", str(fault.retry_after).encode()))
    answer.headers += [(name.lower().encode(), value.encode()) for name, value in fault.headers.items()]
    return answer


Change = Callable[[Any], Any]


def bend(answer: Answer, change: Change) -> Answer:
    """The answer with its JSON changed. Another body is not changed."""
    try:
        content = json.loads(answer.body, parse_float=Decimal)
    except ValueError:
        return answer
    return Answer(answer.status, answer.headers, encode(change(content)))


def rewrite(answer: Answer, find: str, written: bytes) -> Answer:
    """The answer with the first match of `find` replaced. The result need be neither JSON nor UTF-8."""
    text = written.decode(errors="surrogateescape")
    body = re.sub(find, lambda _: text, answer.body.decode(errors="surrogateescape"), count=1)
    return Answer(answer.status, answer.headers, body.encode(errors="surrogateescape"))


def _in_batch(content: Any, change: Change) -> Any:
    if isinstance(content, list):
        return change(content)
    if isinstance(content, dict):
        return {
            name: change(value) if name in BATCHES and isinstance(value, list) else value
            for name, value in content.items()
        }
    return content


def half(content: Any) -> Any:
    return _in_batch(content, lambda elements: elements[: len(elements) // 2])


def backwards(content: Any) -> Any:
    return _in_batch(content, lambda elements: elements[::-1])


def twice(content: Any) -> Any:
    return _in_batch(content, lambda elements: [element for element in elements for _ in range(2)])


def overlay(fields: Any) -> Change:
    def change(content: Any) -> Any:
        return content | fields if isinstance(content, dict) and isinstance(fields, dict) else content

    return change
