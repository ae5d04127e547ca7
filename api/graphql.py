"""/graphql over HTTP, step by step: agree, authenticate, read, find the document, run, respond (docs/http.md).

Any step may refuse: see api/refused.py.
"""

from contextlib import nullcontext
from dataclasses import replace
from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Unauthenticated
from api.body import Asked, BodyLimits, read_graphql
from api.documents import Found
from api.exchange import Exchange, request_id
from api.house import House
from api.identities import CannotTell
from api.limits import budget_headers
from api.negotiation import GRAPHQL_JSON, JSON, prefers_page, response_type
from api.pages.graphiql import graphiql_page
from api.refused import Refused
from api.shedding import CODE, MESSAGE, pass_of, retry_seconds
from resolvers.context import Caller
from resolvers.errors import MASKED
from resolvers.execution import Answer, GraphQLRequest
from upstreams.call import Call, Tally
from upstreams.clock import Deadline

log = structlog.get_logger(__name__)

METHODS = ("GET", "HEAD", "OPTIONS", "POST")
_NAMES = ("query", "documentId", "extensions")
# A name is the caller's to choose, and may be as long as a body.
_LONGEST_LOGGED = 100


async def graphql(request: Request) -> Response:
    """POST answers operations; GET answers queries, and a browser with GraphiQL."""
    house: House = request.state.house
    if request.method == "OPTIONS":
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(METHODS), "Accept-Post": JSON})
    if _wants_page(request):
        return graphiql_page(house.settings) if house.settings.server.graphiql else _not_found()
    exchange = Exchange(request, house, request.state.metrics, request_id(request))
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
            return await exchange.refusal(refused)
        except Exception:
            log.exception("graphql.failed")
            quoted = {"requestId": exchange.request_id}
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            return await exchange.refusal(Refused(MASKED, "INTERNAL_ERROR", status, extensions=quoted))


async def _steps(exchange: Exchange) -> Response:
    """In this order, so that nothing is read of a caller who is not known and nothing runs that was not admitted."""
    _agree(exchange)
    caller = await _authenticate(exchange)
    admitted = pass_of(exchange.request.scope)
    with nullcontext() if admitted is None else admitted.reading():
        asked = await read_graphql(exchange.request, _limits(exchange.house))
    found = await _find_document(exchange, caller, asked)
    answer = await _run(exchange, caller, asked, found)
    return await _respond(exchange, answer)


def _agree(exchange: Exchange) -> None:
    media_type = response_type(exchange.request.headers.getlist("accept"))
    if media_type is None:
        message = f"Answers are {GRAPHQL_JSON} or {JSON}, and the Accept header takes neither."
        raise Refused(message, "NOT_ACCEPTABLE", HTTPStatus.NOT_ACCEPTABLE)
    exchange.media_type = media_type


def _limits(house: House) -> BodyLimits:
    http = house.settings.http
    return BodyLimits(house.settings.server.max_body_bytes, http.max_variables_bytes, http.max_query_characters)


async def _authenticate(exchange: Exchange) -> Caller:
    try:
        return await exchange.house.authenticator.caller(exchange.request.headers.get("authorization"))
    except Unauthenticated as error:
        headers = {"WWW-Authenticate": 'Bearer realm="brokergraph"'}
        raise Refused(str(error), "UNAUTHENTICATED", HTTPStatus.UNAUTHORIZED, headers=headers) from None
    except CannotTell as error:
        status = HTTPStatus.SERVICE_UNAVAILABLE
        raise Refused(str(error), "UPSTREAM_UNAVAILABLE", status, retry_after_seconds=2) from None


async def _find_document(exchange: Exchange, caller: Caller, asked: Asked) -> Found:
    found = await exchange.house.documents.find(asked, caller.partner)
    exchange.persisted = found.persisted
    exchange.metrics.documents.labels(found.origin).inc()
    return found


async def _run(exchange: Exchange, caller: Caller, asked: Asked, found: Found) -> Answer:
    house = exchange.house
    deadline = Deadline.after(house.settings.server.request_deadline_seconds, house.clock)
    call = Call(deadline, Tally(), exchange.request_id, caller.principal)
    admitted = pass_of(exchange.request.scope)
    if admitted is not None:
        call = replace(call, away=admitted.away)
    request = GraphQLRequest(found.text, asked.variables, asked.operation_name, asked.explain, asked.show_cost)
    if admitted is not None and admitted.on_trial and not house.executor.is_mutation(request):
        raise Refused(MESSAGE, CODE, HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=retry_seconds())
    answer = await house.executor.run(request, caller, call, may_mutate=exchange.may_mutate)
    exchange.metrics.count(call.tally)
    exchange.headers |= budget_headers(answer.standing, house.settings.budget)
    log.info(
        "graphql.request",
        caller=caller.name,
        operation=asked.operation_name and asked.operation_name[:_LONGEST_LOGGED],
        errors=len(answer.body.get("errors", ())),
        calls=dict(call.tally.calls),
    )
    if answer.executed:
        house.documents.keep(caller.partner, found)
    return answer


async def _respond(exchange: Exchange, answer: Answer) -> Response:
    """The status that each media type asks for: application/json says 200 of whatever was a well-formed request."""
    if answer.refused_method:
        return await exchange.response(answer.body, HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "POST"})
    if answer.refused_budget:
        return await exchange.response(answer.body, HTTPStatus.TOO_MANY_REQUESTS)
    if not answer.executed:
        status = HTTPStatus.OK if exchange.media_type == JSON else HTTPStatus.BAD_REQUEST
        return await exchange.response(answer.body, status)
    keep = exchange.persisted and not exchange.may_mutate and "errors" not in answer.body
    return await exchange.response(answer.body, HTTPStatus.OK, keep=keep)


def _wants_page(request: Request) -> bool:
    """A browser that opens the address; one that names a document there gets its answer."""
    if request.method == "POST" or any(name in request.query_params for name in _NAMES):
        return False
    return prefers_page(request.headers.getlist("accept"))


def _not_found() -> Response:
    return Response("GraphiQL is switched off on this server.\n", HTTPStatus.NOT_FOUND, media_type="text/plain")
