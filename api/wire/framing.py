"""Refuses requests that a proxy on the way may read in another way than this server.

A proxy and a server that disagree about where a request ends, or about its sender, let one caller speak for another
(RFC 9112, section 11.2). llhttp, the parser, refuses most of what is ambiguous; this is what it lets through.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

Refusal = tuple[HTTPStatus, str]
Headers = Sequence[tuple[bytes, bytes]]

# An address has no limit of its own: it is part of the headers' bytes.
_MESSAGES: Final = {
    HTTPStatus.BAD_REQUEST: "This is not HTTP.",
    HTTPStatus.REQUEST_TIMEOUT: "The request did not arrive in time.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers are too large or too many.",
    HTTPStatus.SERVICE_UNAVAILABLE: "There are too many connections. Try again.",
}
_VERSIONS: Final = frozenset({"1.0", "1.1"})
# With two of them it is undefined which one counts. llhttp sees to Content-Length itself.
_ONCE: Final = (b"authorization", b"content-type", b"host", b"transfer-encoding")

_VERSION: Final = (HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "Send HTTP/1.1.")
_NO_HOST: Final = (HTTPStatus.BAD_REQUEST, "HTTP/1.1 asks for a Host header.")
_CODING: Final = (HTTPStatus.BAD_REQUEST, "The only Transfer-Encoding is chunked, and only in HTTP/1.1.")
_UPGRADE: Final = (HTTPStatus.BAD_REQUEST, "A request with a body cannot ask for an Upgrade. Send it without.")


def ambiguity(version: str, headers: Headers, *, upgrades: bool) -> Refusal | None:
    """Why a request with these headers, their names in lower case, is not read any further; None where it is."""
    if version not in _VERSIONS:
        return _VERSION
    names = {name for name, _ in headers}
    if len(names) < len(headers) and (twice := _twice(headers)):
        return HTTPStatus.BAD_REQUEST, f"The header {twice.decode()} stands there twice."
    if version == "1.1" and b"host" not in names:
        return _NO_HOST
    if b"transfer-encoding" in names and not _is_chunked(version, headers):
        return _CODING
    # The parser takes what follows the headers of an upgrade for another protocol: a body would become a request.
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


def final_response(status: HTTPStatus, message: str | None = None) -> bytes:
    """An answer without the application, behind which the connection ends."""
    said = (message or _MESSAGES[status]).encode()
    retry = b"retry-after: 1\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else b""
    head = b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode())
    head += b"content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\n" + retry
    return head + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(said) + said
