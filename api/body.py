"""Reading what a caller sent: bounded, checked, and refused with a reason before GraphQL sees it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

from api.exchange import Refused
from resolvers.execution import GraphQLRequest

_MEMBERS = ("query", "variables", "operationName", "extensions")


async def read_graphql(request: Request, max_bytes: int) -> GraphQLRequest:
    """The GraphQL request in a POST's body or in the address of a GET or HEAD. Raises Refused."""
    if request.method != "POST":
        return _checked(_from_query(request.query_params))
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refused(
            "Send the request as application/json.", "UNSUPPORTED_MEDIA_TYPE", HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        )
    return _checked(_decoded(await _read(request, max_bytes), "The body"))


async def _read(request: Request, max_bytes: int) -> bytes:
    """The body, as long as it is no longer than allowed, whatever its Content-Length says."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and len(declared) < 20 and int(declared) > max_bytes:  # noqa: PLR2004 - digits.
        raise _too_large(max_bytes)
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(max_bytes)
            chunks.append(chunk)
    except ClientDisconnect:
        raise Refused("The body did not arrive whole.") from None
    return b"".join(chunks)


def _too_large(max_bytes: int) -> Refused:
    message = f"The body is larger than {max_bytes} bytes."
    return Refused(message, "PAYLOAD_TOO_LARGE", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _from_query(parameters: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: parameters[name] for name in _MEMBERS if name in parameters}
    for name in ("variables", "extensions"):
        if found.get(name):
            found[name] = _decoded(found[name].encode("utf-8", "surrogatepass"), f"The parameter {name}")
        else:
            found.pop(name, None)
    return found


def _decoded(text: bytes, what: str) -> Any:
    if b"\\u0000" in text or b"\x00" in text:
        raise Refused(f"{what} holds a null character, which no system behind the graph takes.")
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise Refused(f"{what} is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Refused(f"{what} is not JSON: {error}") from None


def _checked(body: Any) -> GraphQLRequest:
    if isinstance(body, list):
        raise Refused("Batches are not taken; send one operation per request.")
    if not isinstance(body, dict):
        raise Refused('The body must be a JSON object like {"query": "..."}.')
    query, variables = body.get("query"), body.get("variables")
    name, extensions = body.get("operationName"), body.get("extensions")
    if not isinstance(query, str) or not query.strip():
        raise Refused("`query` must be a text with a GraphQL document.")
    if "\x00" in query:
        raise Refused("`query` holds a null character.")
    if variables is not None and not isinstance(variables, dict):
        raise Refused("`variables` must be an object.")
    if name is not None and not isinstance(name, str):
        raise Refused("`operationName` must be a text.")
    if extensions is not None and not isinstance(extensions, dict):
        raise Refused("`extensions` must be an object.")
    return GraphQLRequest(query, variables, name or None, explain=(extensions or {}).get("explain") is True)
