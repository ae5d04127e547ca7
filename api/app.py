"""The ASGI application: its routes and its lifespan."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from http import HTTPStatus
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from api.admission.limiter import ConcurrencyLimiter
from api.admission.load_shedding import PATH, LoadShedding
from api.admission.saturation import Saturation
from api.draining import Draining
from api.graphql.endpoint import GraphQLEndpoint
from api.http.compression import compressed
from api.http.cors import cors
from api.http.negotiation import coding
from api.http.request_id import REQUEST_ID, request_id
from api.lifespan import Hosting, open_state_of_requests
from api.pages.access import refusal_for
from api.pages.assets import Assets
from api.pages.dashboard_page import Dashboard
from api.pages.docs import DocsPages, docs_front
from api.pages.graphiql import STATIC_FILES
from api.pages.health import livez, readyz
from api.pages.metrics import metrics
from api.services import AppServices
from api.settings.settings import Settings
from api.streams.operations import Operations
from api.streams.socket import serve_socket
from core.clock import Clock
from resolvers.policy.errors import MASKED
from resolvers.policy.scopes import Scope
from resolvers.schema import printed

log = structlog.get_logger(__name__)


class App(Starlette):
    """/graphql bypasses Starlette, because its router and its middleware would cost a quarter of a small answer."""

    graphql: ASGIApp

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH:
            await self.graphql(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == PATH:
            await socket(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


async def schema_file(request: Request) -> Response:
    """The schema as text, for the audience of the settings."""
    app_services: AppServices = request.state.app_services
    refusal = await refusal_for(request, app_services.settings.server.schema_file, Scope.SCHEMA_READ)
    if refusal:
        return refusal
    content, headers = printed().encode(), {"Vary": "Accept-Encoding, Authorization"}
    how = coding(",".join(request.headers.getlist("accept-encoding")))
    if how:
        content, headers["Content-Encoding"] = await compressed(content, how), how
    return Response(content, headers=headers, media_type="text/plain; charset=utf-8")


async def failed(request: Request, error: Exception) -> Response:
    """The answer to an unexpected error, also outside of /graphql. The answer is masked; the log has the complete error
    under the id.
    """
    identity = request_id(request.headers.get("x-request-id", ""))
    log.error("http.failed", request_id=identity, path=request.url.path, exc_info=error)
    shown = {"message": MASKED, "extensions": {"code": "INTERNAL_ERROR", "requestId": identity}}
    return JSONResponse({"errors": [shown]}, HTTPStatus.INTERNAL_SERVER_ERROR, {REQUEST_ID: identity})


async def front_door(_request: Request) -> Response:
    return RedirectResponse(PATH)


async def graphql(scope: AsgiScope, receive: Receive, send: Send) -> None:
    endpoint: GraphQLEndpoint = scope["state"]["graphql"]
    await endpoint(scope, receive, send)


async def socket(scope: AsgiScope, receive: Receive, send: Send) -> None:
    operations: Operations = scope["state"]["operations"]
    origins = scope["state"]["app_services"].settings.http.cors_origins
    with operations.open_socket():
        await serve_socket(operations, origins, scope, receive, send)


def _routes(settings: Settings) -> list[BaseRoute]:
    return [
        *(Dashboard(settings).routes() if settings.server.dashboard else [Route("/", front_door)]),
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/schema.graphql", schema_file),
        Route("/docs", docs_front),
        Mount("/docs", DocsPages()),
        Mount("/static", Assets(STATIC_FILES), name="static"),
    ]


def create_app(settings: Settings, clock: Clock | None = None, hosting: Hosting | None = None) -> App:
    """The application for these settings. Opens upstreams in its lifespan and closes them there."""
    clock, busyness, hosting = clock or Clock(), Saturation(), hosting or Hosting(Draining(0))
    limiter = ConcurrencyLimiter(settings.overload, clock, busyness.since_last)
    shedding = LoadShedding(graphql, limiter, settings.http)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        with closing(busyness):
            async with open_state_of_requests(settings, clock, limiter, hosting) as state:
                yield {**state, "shedding": shedding}

    app = App(routes=_routes(settings), lifespan=lifespan, exception_handlers={Exception: failed})
    # CORS is the outermost middleware, because a page of another site can read a refusal only with CORS headers.
    app.graphql = ServerErrorMiddleware(cors(settings.http, shedding), failed)
    # Starlette would redirect a path with a slash to the host of the Host header.
    app.router.redirect_slashes = False
    return app
