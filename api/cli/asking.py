"""One request to a graph over HTTP, with the standard library: an answer of JSON, or a stream of answers.

Redirections are not followed, because another host would get the key.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlunsplit

import msgspec

_ACCEPT = "application/graphql-response+json, text/event-stream;q=0.5"
_FINISHED = "id: finished"


class AskingFailed(Exception):
    """There is no answer of a graph."""


@dataclass(frozen=True, slots=True)
class Question:
    """A GraphQL request. `variables` is a JSON object."""

    url: SplitResult
    document: str
    variables: bytes = b"{}"
    operation: str | None = None
    key: str | None = field(default=None, repr=False)
    explain: bool = False
    timeout: float = 60.0

    @property
    def address(self) -> str:
        return urlunsplit(self.url)

    def body(self) -> bytes:
        request: dict[str, Any] = {"query": self.document, "variables": msgspec.Raw(self.variables)}
        if self.operation is not None:
            request["operationName"] = self.operation
        if self.explain:
            request["extensions"] = {"explain": True}
        return msgspec.json.encode(request)

    def headers(self) -> dict[str, str]:
        told = {"Accept": _ACCEPT, "Content-Type": "application/json"}
        return told if self.key is None else told | {"Authorization": f"Bearer {self.key}"}


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON of one answer as text, and whether it has errors."""

    text: str
    has_errors: bool


class _Shape(msgspec.Struct):
    errors: list[msgspec.Raw] | None = None


def ask(question: Question, note_response: Callable[[], None]) -> Iterator[Answer]:
    """The answer, or each answer of a subscription as soon as it arrives. Raises AskingFailed.

    `note_response` is called when the server begins to answer.
    """
    try:
        with closing(_connection(question)) as connection:
            path = urlunsplit(("", "", question.url.path or "/", question.url.query, ""))
            connection.request("POST", path, question.body(), question.headers())
            response = connection.getresponse()
            note_response()
            if response.headers.get_content_type() == "text/event-stream":
                yield from _answers_of(response)
            else:
                yield _answer_of(response)
    except TimeoutError:
        advice = "A mutation may have been applied: repeat it with the same idempotencyKey"
        raise AskingFailed(f"{question.address} did not answer within {question.timeout:g} s. {advice}.") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise AskingFailed(f"{question.address} cannot be reached: {reason}.") from None


def _connection(question: Question) -> HTTPConnection:
    host, port = question.url.hostname or "", question.url.port
    if question.url.scheme == "https":
        return HTTPSConnection(host, port, timeout=question.timeout, context=ssl.create_default_context())
    return HTTPConnection(host, port, timeout=question.timeout)


def _answer_of(response: HTTPResponse) -> Answer:
    body = response.read()
    try:
        return Answer(msgspec.json.format(body, indent=2).decode(), _has_errors(body))
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        raise AskingFailed(f"The answer is not of a graph (HTTP {response.status}); is the address right?") from None


def _answers_of(response: HTTPResponse) -> Iterator[Answer]:
    is_finished = False
    for line in response:
        text = line.decode().rstrip("\r\n")
        is_finished = is_finished or text == _FINISHED
        data = text.removeprefix("data:").strip() if text.startswith("data:") else ""
        if data:
            yield Answer(data, _has_errors(data))
    if not is_finished:
        raise AskingFailed("The server ended the stream. Subscribe again, a log after its last cursor.")


def _has_errors(body: bytes | str) -> bool:
    return bool(msgspec.json.decode(body, type=_Shape).errors)
