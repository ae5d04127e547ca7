"""Refuses requests that a proxy may interpret differently from this server.

If a proxy and a server disagree about the end or the sender of a request, one caller can send requests in another
caller's name (RFC 9112, section 11.2). The parser llhttp refuses most ambiguous requests. This module refuses the
others.
"""

from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Final

import httptools

Refusal = tuple[HTTPStatus, str]
Headers = Sequence[tuple[bytes, bytes]]

# The address has no separate limit, because it counts as a part of the headers.
_MESSAGES: Final = {
    HTTPStatus.BAD_REQUEST: "This is not HTTP.",
    HTTPStatus.REQUEST_TIMEOUT: "The request did not arrive in time.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers are too large or too many.",
    HTTPStatus.SERVICE_UNAVAILABLE: "There are too many connections. Try again.",
}
_VERSIONS: Final = frozenset({"1.0", "1.1"})
# If one of these headers appears twice, it is undefined which value counts. llhttp checks Content-Length itself.
_ONCE: Final = (b"authorization", b"content-type", b"host", b"transfer-encoding")

_VERSION: Final = (HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "Send HTTP/1.1.")
_NO_HOST: Final = (HTTPStatus.BAD_REQUEST, "HTTP/1.1 asks for a Host header.")
_CODING: Final = (HTTPStatus.BAD_REQUEST, "The only Transfer-Encoding is chunked, and only in HTTP/1.1.")
_UPGRADE: Final = (HTTPStatus.BAD_REQUEST, "A request with a body cannot ask for an Upgrade. Send it without.")


def ambiguity(version: str, headers: Headers, *, upgrades: bool) -> Refusal | None:
    """The reason to refuse a request with these headers (names in lower case). None: the request is acceptable."""
    if version not in _VERSIONS:
        return _VERSION
    names = {name for name, _ in headers}
    if len(names) < len(headers) and (twice := _twice(headers)):
        return HTTPStatus.BAD_REQUEST, f"The header {twice.decode()} appears twice."
    if version == "1.1" and b"host" not in names:
        return _NO_HOST
    if b"transfer-encoding" in names and not _is_chunked(version, headers):
        return _CODING
    # The parser reads bytes after an upgrade's headers as another protocol, so that a body could become a second
    # request.
    return _UPGRADE if upgrades and _has_body(headers) else None


def _twice(headers: Headers) -> bytes | None:
    names = [name for name, _ in headers]
    return next((name for name in _ONCE if names.count(name) > 1), None)


def _is_chunked(version: str, headers: Headers) -> bool:
    values = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    return version == "1.1" and values == [b"chunked"]


def _has_body(headers: Headers) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b" \t0")) for name, value in headers
    )


class _WholePosts:
    """Recognises bytes that are one complete POST to /graphql, after which the client keeps the connection.

    One parser serves the process, because a parser costs more than a refusal. A parser that has seen other bytes is
    replaced.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._begun = self._completed = 0

    def on_message_begin(self) -> None:
        self._begun += 1

    def on_message_complete(self) -> None:
        self._completed += 1

    def __contains__(self, data: bytes) -> bool:
        if not data.startswith(b"POST /graphql HTTP/1.1\r\n"):
            return False
        self._begun = self._completed = 0
        with suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._parser.feed_data(data)
            if self._begun == self._completed == 1 and self._parser.should_keep_alive():
                return True
        self._parser = httptools.HttpRequestParser(self)
        return False


WHOLE_POSTS: Final = _WholePosts()


def final_response(status: HTTPStatus, message: str | None = None) -> bytes:
    """An answer that does not come from the application. The connection is closed after it."""
    said = (message or _MESSAGES[status]).encode()
    retry = b"retry-after: 1\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else b""
    head = b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode())
    head += b"content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\n" + retry
    return head + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(said) + said
