"""/graphql over HTTP, step by step: authenticate, read, run, respond. Any step may refuse (api/exchange.py)."""

from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Unauthenticated
from api.body import read_graphql
from api.exchange import JSON, Exchange, Refused
from api.house import House
from api.pages.graphiql import graphiql_page
from resolvers.context import Caller
from resolvers.errors import MASKED
from resolvers.execution import Answer, GraphQLRequest
from upstreams.call import Call, Tally
from upstreams.clock import Deadline
from upstreams.errors import UpstreamError

log = structlog.get_logger(__name__)

GRAPHQL_JSON = "application/graphql-response+json"
# A name is the caller's to choose, and may be as long as a body.
_LONGEST_LOGGED = 100


async def graphql(request: Request) -> Response:
    """POST answers operations; GET answers queries, and a browser with GraphiQL."""
    house: House = request.state.house
    if _wants_page(request):
        return graphiql_page(house.settings) if house.settings.server.graphiql else _not_found()
    exchange = Exchange(request, house, request.state.metrics)
    started = house.clock.monotonic()
    response = await _answered(exchange)
    exchange.metrics.requests.labels(str(response.status_code)).inc()
    exchange.metrics.seconds.observe(house.clock.monotonic() - started)
    return response


async def _answered(exchange: Exchange) -> Response:
    """What the steps answer, or the refusal of the one that refused."""
    with structlog.contextvars.bound_contextvars(request_id=exchange.request_id):
        try:
            return await _steps(exchange)
        except Refused as refused:
            return exchange.refusal(refused)
        except Exception:
            log.exception("graphql.failed")
            return exchange.refusal(Refused(MASKED, "INTERNAL_ERROR", HTTPStatus.INTERNAL_SERVER_ERROR))


async def _steps(exchange: Exchange) -> Response:
    """In this order, so that nothing is read of a caller who is not known and nothing runs that was not admitted."""
    exchange.media_type = GRAPHQL_JSON if GRAPHQL_JSON in _accepted(exchange.request) else JSON
    caller = await _authenticate(exchange)
    asked = await read_graphql(exchange.request, exchange.house.settings.server.max_body_bytes)
    answer = await _run(exchange, caller, asked)
    return _respond(exchange, answer)


async def _authenticate(exchange: Exchange) -> Caller:
    try:
        return await exchange.house.authenticator.caller(exchange.request.headers.get("authorization"))
    except Unauthenticated as error:
        headers = {"WWW-Authenticate": 'Bearer realm="brokergraph"'}
        raise Refused(str(error), "UNAUTHENTICATED", HTTPStatus.UNAUTHORIZED, headers=headers) from None
    except UpstreamError:
        message = "The state database cannot be reached, so no key can be checked. Try again."
        status = HTTPStatus.SERVICE_UNAVAILABLE
        raise Refused(message, "UPSTREAM_UNAVAILABLE", status, retry_after_seconds=2) from None


async def _run(exchange: Exchange, caller: Caller, asked: GraphQLRequest) -> Answer:
    house = exchange.house
    deadline = Deadline.after(house.settings.server.request_deadline_seconds, house.clock)
    call = Call(deadline, Tally(), exchange.request_id)
    answer = await house.executor.run(asked, caller, call, may_mutate=exchange.may_mutate)
    exchange.metrics.count(call.tally)
    log.info(
        "graphql.request",
        caller=caller.name,
        operation=asked.operation_name and asked.operation_name[:_LONGEST_LOGGED],
        errors=len(answer.body.get("errors", ())),
        calls=dict(call.tally.calls),
    )
    return answer


def _respond(exchange: Exchange, answer: Answer) -> Response:
    if answer.refused_method:
        return exchange.response(answer.body, HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "POST"})
    return exchange.response(answer.body, HTTPStatus.OK if answer.executed else HTTPStatus.BAD_REQUEST)


def _wants_page(request: Request) -> bool:
    return request.method != "POST" and "query" not in request.query_params and "text/html" in _accepted(request)


def _not_found() -> Response:
    return Response("GraphiQL is switched off on this server.\n", HTTPStatus.NOT_FOUND, media_type="text/plain")


def _accepted(request: Request) -> str:
    return request.headers.get("accept", "").lower()
