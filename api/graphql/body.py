"""Reads the body or the address of a request. It checks sizes and types, and refuses a wrong request with a reason."""

import codecs
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec

from api.http.negotiation import JSON, cached_decision, preferences
from api.http.refusal import RequestRefused
from api.settings.settings import Settings
from api.wire.incoming import Incoming
from resolvers.request.graphql_request import GraphQLRequest

_MEMBERS: Final = ("query", "documentId", "variables", "operationName", "extensions")
_LONGEST_NAME: Final = 256
_LONGEST_ID: Final = 256
# 64 digits by its name; graphql-codegen puts its SHA-1 there, which is as good to look a trusted document up by.
_HASH: Final = re.compile(r"[0-9a-fA-F]{32,64}\Z")
# A text in UTF-16 has a mark in front, or a NUL in every character of ASCII.
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


# A number without fraction and exponent is decoded as an int of any size, every other number as a float. IDs depend on
# this (resolvers/types/scalars.py). The hook decodes 1E400 as infinity, so that the error has its place.
_decode: Final = msgspec.json.Decoder(float_hook=float).decode
# msgspec's message for an integer with more digits than Python converts.
_TOO_LONG: Final = "Integer value out of range"


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """The limits of a request: bytes of its body and of its variables, characters of its document."""

    body_bytes: int
    variables_bytes: int
    query_characters: int


def limits_of(settings: Settings) -> BodyLimits:
    http = settings.http
    return BodyLimits(settings.server.max_body_bytes, http.max_variables_bytes, http.max_query_characters)


async def read_graphql(incoming: Incoming, limits: BodyLimits) -> GraphQLRequest:
    """The GraphQL request in a POST's body or in the address of a GET or HEAD. Raises Refused."""
    if incoming.method != "POST":
        return checked_request(_from_query(incoming), limits)
    _check_headers(incoming)
    body = await _read(incoming, limits.body_bytes)
    return checked_request(decoded_json(body, "The body"), limits, are_small=len(body) <= limits.variables_bytes)


def _check_headers(incoming: Incoming) -> None:
    """Only JSON in UTF-8 is accepted. A page of another site can send it only after a preflight, which fails."""
    problem = _wrong_type(incoming.header(b"content-type"))
    if problem is not None:
        raise _unsupported(problem)
    if incoming.header(b"content-encoding", "identity").strip().lower() != "identity":
        raise _unsupported("Send the request as it is, without a Content-Encoding.", {"Accept-Encoding": "identity"})


@cached_decision
def _wrong_type(content_type: str) -> str | None:
    types = preferences(content_type)
    if len(types) != 1 or types[0].name != JSON:
        return "Send the request as application/json."
    is_utf8 = types[0].parameters.get("charset", "utf-8") in {"utf-8", "utf8"}
    return None if is_utf8 else "Send the request in UTF-8."


def _unsupported(message: str, headers: Mapping[str, str] | None = None) -> RequestRefused:
    more = {"Accept-Post": JSON, **(headers or {})}
    return RequestRefused(message, "UNSUPPORTED_MEDIA_TYPE", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, headers=more)


async def _read(incoming: Incoming, max_bytes: int) -> bytes:
    """The body, if its real length is within the limit, whatever its Content-Length is."""
    declared = incoming.header(b"content-length")
    if declared.isascii() and declared.isdigit() and len(declared) < 20 and int(declared) > max_bytes:  # noqa: PLR2004 - digits.
        raise _too_large(max_bytes)
    chunks, size, has_more = [], 0, True
    while has_more:
        message = await incoming.receive()
        if message["type"] == "http.disconnect":
            raise RequestRefused("The body did not arrive completely.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
        has_more = message.get("more_body", False)
    return b"".join(chunks)


def _too_large(max_bytes: int) -> RequestRefused:
    message = f"The body is larger than {max_bytes} bytes."
    return RequestRefused(message, "PAYLOAD_TOO_LARGE", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _from_query(incoming: Incoming) -> dict[str, Any]:
    parameters = incoming.raw_parameters
    found: dict[str, Any] = {name: _text_of(parameters[name], name) for name in _MEMBERS if name in parameters}
    for name in ("variables", "extensions"):
        if found.get(name):
            found[name] = decoded_json(found[name].encode(), f"The parameter {name}")
        else:
            found.pop(name, None)
    return found


def _text_of(value: bytes, name: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise RequestRefused(f"The parameter {name} is not in UTF-8.") from None


def decoded_json(text: bytes, what: str) -> Any:
    """The JSON in the text. Raises RequestRefused."""
    text = text.removeprefix(codecs.BOM_UTF8)
    if text.startswith(_UTF16) or b"\x00" in text[:2]:
        raise RequestRefused(f"{what} is not JSON: it is in UTF-16 or UTF-32. Send it in UTF-8.")
    try:
        # Where a key stands twice its last value counts, as in every browser; nothing in front of us decides by it.
        found = _decode(text)
    except RecursionError:
        raise RequestRefused(f"{what} is nested too deeply.") from None
    except UnicodeDecodeError:
        raise RequestRefused(f"{what} is not JSON: it is not in UTF-8.") from None
    except (msgspec.DecodeError, ValueError) as error:
        if str(error).startswith(_TOO_LONG):
            raise RequestRefused(f"{what} has an integer of more than {sys.get_int_max_str_digits()} digits.") from None
        raise RequestRefused(f"{what} is not JSON: {error if text.strip() else 'it is empty'}") from None
    # A backslash may stand before the backslash, so that only the decoded text says whether this is a null character.
    if b"\\u0000" in text and _holds_null(found):
        raise RequestRefused(f"{what} holds a null character, which no system behind the graph takes.")
    return found


def _holds_null(value: Any) -> bool:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and "\x00" in one:
            return True
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
    return False


def checked_request(body: Any, limits: BodyLimits, *, are_small: bool = False) -> GraphQLRequest:
    """The GraphQL request of decoded JSON. Raises RequestRefused."""
    if isinstance(body, list):
        raise RequestRefused("Batches are not supported; send one operation per request.")
    if not isinstance(body, dict):
        raise RequestRefused('The body must be a JSON object like {"query": "..."}.')
    for member, kind, what in _KINDS:
        if body.get(member) is not None and not isinstance(body[member], kind):
            raise RequestRefused(f"`{member}` must be {what}.")
    if not are_small:
        _check_size(body.get("variables"), limits.variables_bytes)
    extensions = body.get("extensions") or {}
    query, document_id, sha256 = _document(body, extensions, limits)
    name = body.get("operationName") or None
    if name is not None and len(name) > _LONGEST_NAME:
        raise RequestRefused(f"`operationName` is longer than {_LONGEST_NAME} characters.")
    explain, show_cost = extensions.get("explain") is True, extensions.get("cost") is True
    return GraphQLRequest(query, body.get("variables"), name, explain, show_cost, document_id, sha256)


_KINDS: Final = (
    ("query", str, "a text with a GraphQL document"),
    ("documentId", str, "a text"),
    ("variables", dict, "an object"),
    ("operationName", str, "a text"),
    ("extensions", dict, "an object"),
)


def _check_size(variables: Any, max_bytes: int) -> None:
    if variables and len(msgspec.json.encode(variables)) > max_bytes:
        message = f"`variables` are larger than {max_bytes} bytes."
        raise RequestRefused(message, "PAYLOAD_TOO_LARGE", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _document(
    body: Mapping[str, Any], extensions: Mapping[str, Any], limits: BodyLimits
) -> tuple[str | None, str | None, str | None]:
    """The members that name the document: text, id, Apollo's hash, or text and hash together."""
    query, document_id = body.get("query") or None, body.get("documentId") or None
    sha256 = _apollo_hash(extensions)
    if document_id and (query or sha256):
        raise RequestRefused("Send `documentId` or `query`, not both.")
    if document_id and (len(document_id) > _LONGEST_ID or not document_id.isascii() or not document_id.isprintable()):
        raise RequestRefused(f"`documentId` must be at most {_LONGEST_ID} printable ASCII characters.")
    if not (document_id or sha256 or (query and query.strip())):
        raise RequestRefused(
            "The request has no document: send `query`, a text with a GraphQL document, or `documentId`."
        )
    if query is not None and len(query) > limits.query_characters:
        message = f"`query` is longer than {limits.query_characters} characters."
        raise RequestRefused(message, "PAYLOAD_TOO_LARGE", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if query and "\x00" in query:
        raise RequestRefused("`query` has a null character.")
    return query, document_id, sha256


def _apollo_hash(extensions: Mapping[str, Any]) -> str | None:
    persisted = extensions.get("persistedQuery")
    if persisted is None:
        return None
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise RequestRefused("`extensions.persistedQuery` must be an object with version 1.")
    found = persisted.get("sha256Hash")
    if not isinstance(found, str) or not _HASH.match(found):
        raise RequestRefused("`extensions.persistedQuery.sha256Hash` must be a hash in hexadecimal digits.")
    return found.lower()
