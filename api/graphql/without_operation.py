"""Requests to /graphql without an operation: another method, the options, and GraphiQL for a browser."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from api.http.negotiation import JSON, prefers_page
from api.pages.graphiql import graphiql_page
from api.settings.settings import Settings
from api.wire.incoming import Incoming

_METHODS = ("GET", "HEAD", "OPTIONS", "POST")
_NAMES = ("query", "documentId", "extensions")


def answer_without_operation(incoming: Incoming, settings: Settings) -> Response | None:
    """The response to a request without an operation; None for all other requests."""
    if incoming.method not in _METHODS:
        return _text("Method Not Allowed", HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": ", ".join(_METHODS)})
    if incoming.method == "OPTIONS":
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(_METHODS), "Accept-Post": JSON})
    if not _wants_page(incoming):
        return None
    if settings.server.graphiql:
        return graphiql_page(settings)
    return _text("GraphiQL is switched off on this server.\n", HTTPStatus.NOT_FOUND)


def _wants_page(incoming: Incoming) -> bool:
    """Whether a browser opens the address. An address that names a document is answered as a request."""
    parameters = incoming.raw_parameters
    return not any(name in parameters for name in _NAMES) and prefers_page(incoming.header(b"accept"))


def _text(message: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(message, status, headers, "text/plain")
