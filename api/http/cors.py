"""CORS: only the origins of the settings may call the graph. They are compared exactly."""

from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.settings.http import HttpSection
from api.wire.request_state import state_of

_MAY_SEND: Final = (
    "Authorization",
    "Content-Type",
    "If-None-Match",
    "X-Request-Id",
    "X-GraphQL-Operation-Type",
    # A header of Apollo's clients, by which a server can distinguish them from a form.
    "Apollo-Require-Preflight",
    "X-Apollo-Operation-Name",
)
_MAY_READ: Final = ("ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id")


def cors(http: HttpSection, app: ASGIApp) -> ASGIApp:
    """The application with CORS. Credentials are never allowed, because callers send a key or a token, and the server
    uses no cookies.
    """
    if not http.cors_origins:
        return app

    async def in_messages(scope: Scope, receive: Receive, send: Send) -> None:
        # The middleware adds headers to the first message of an answer, so that this message is copied.
        state_of(scope).cycle = None
        await app(scope, receive, send)

    return CORSMiddleware(
        in_messages,
        allow_origins=http.cors_origins,
        allow_methods=("GET", "HEAD", "POST"),
        allow_headers=_MAY_SEND,
        expose_headers=_MAY_READ,
        max_age=http.cors_max_age_seconds,
    )


def cors_headers(http: HttpSection, scope: Scope) -> dict[str, str]:
    """The headers of the middleware, for an answer that does not pass it."""
    origin = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"), "")
    if origin not in http.cors_origins:
        return {}
    exposed = {"Access-Control-Expose-Headers": ", ".join(_MAY_READ)}
    return {"Access-Control-Allow-Origin": origin, **exposed, "Vary": "Origin"}
