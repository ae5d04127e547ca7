"""/graphql over HTTP: who asks, what they sent, what goes back and with which status."""

import secrets
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Unauthenticated
from api.body import BadRequest, read_graphql
from api.house import House
from api.metrics import Metrics
from api.pages.graphiql import graphiql_page
from resolvers.errors import MASKED
from resolvers.execution import Answer
from upstreams.call import Call, Tally
from upstreams.clock import Deadline
from upstreams.errors import UpstreamError

log = structlog.get_logger(__name__)

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
# A name is the caller's to choose, and may be as long as a body.
_LONGEST_LOGGED = 100


async def graphql(request: Request) -> Response:
    """POST answers operations; GET answers queries, and a browser with GraphiQL."""
    house: House = request.state.house
    metrics: Metrics = request.state.metrics
    if _wants_page(request):
        return graphiql_page(house.settings) if house.settings.server.graphiql else _not_found()
    started = house.clock.monotonic()
    response = await _answer(request, house, metrics)
    metrics.requests.labels(str(response.status_code)).inc()
    metrics.seconds.observe(house.clock.monotonic() - started)
    return response


def _wants_page(request: Request) -> bool:
    return request.method != "POST" and "query" not in request.query_params and "text/html" in _accepted(request)


def _not_found() -> Response:
    return Response("GraphiQL is switched off on this server.\n", HTTPStatus.NOT_FOUND, media_type="text/plain")


async def _answer(request: Request, house: House, metrics: Metrics) -> Response:
    request_id = secrets.token_hex(8)
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        try:
            caller = await house.authenticator.caller(request.headers.get("authorization"))
            asked = await read_graphql(request, house.settings.server.max_body_bytes)
        except Unauthenticated as error:
            headers = {"WWW-Authenticate": 'Bearer realm="brokergraph"'}
            return _refused(str(error), "UNAUTHENTICATED", HTTPStatus.UNAUTHORIZED, request_id, headers)
        except BadRequest as error:
            return _refused(error.message, error.code, error.status, request_id)
        except UpstreamError:
            message = "The state database cannot be reached, so no key can be checked. Try again."
            headers = {"Retry-After": "2"}
            return _refused(message, "UPSTREAM_UNAVAILABLE", HTTPStatus.SERVICE_UNAVAILABLE, request_id, headers)
        deadline = Deadline.after(house.settings.server.request_deadline_seconds, house.clock)
        call = Call(deadline, Tally(), request_id)
        try:
            answer = await house.executor.run(asked, caller, call, may_mutate=request.method == "POST")
        except Exception:
            log.exception("graphql.failed")
            return _refused(MASKED, "INTERNAL_ERROR", HTTPStatus.INTERNAL_SERVER_ERROR, request_id)
        metrics.count(call.tally)
        log.info(
            "graphql.request",
            caller=caller.name,
            operation=asked.operation_name and asked.operation_name[:_LONGEST_LOGGED],
            errors=len(answer.body.get("errors", ())),
            calls=dict(call.tally.calls),
        )
        return _response(request, answer, request_id)


def _response(request: Request, answer: Answer, request_id: str) -> Response:
    """The status says what graphql-over-http asks for: with application/json 200 once the request was well formed."""
    media_type = GRAPHQL_JSON if GRAPHQL_JSON in _accepted(request) else JSON
    status = HTTPStatus.OK
    headers = {"X-Request-Id": request_id}
    if answer.refused_method:
        status, headers["Allow"] = HTTPStatus.METHOD_NOT_ALLOWED, "POST"
    elif not answer.executed:
        status = HTTPStatus.BAD_REQUEST
    return Response(msgspec.json.encode(answer.body), status, headers, media_type)


def _refused(message: str, code: str, status: int, request_id: str, headers: dict[str, str] | None = None) -> Response:
    body: dict[str, Any] = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return Response(msgspec.json.encode(body), status, {"X-Request-Id": request_id, **(headers or {})}, JSON)


def _accepted(request: Request) -> str:
    return request.headers.get("accept", "").lower()
