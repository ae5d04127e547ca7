"""The steps of a request to /graphql: negotiate, authenticate, read, find the document, run, respond (docs/http.md).

Any step may refuse: see api/http/refusal.py.
"""

from contextlib import nullcontext
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from api.admission.load_shedding import CODE, MESSAGE, admission_of, retry_seconds
from api.documents.finder import FoundDocument
from api.graphql.body import limits_of, read_graphql
from api.graphql.exchange import Exchange
from api.graphql.without_operation import answer_without_operation
from api.http.negotiation import EVENT_STREAM, GRAPHQL_JSON, JSON, event_stream_wish, response_type
from api.http.rate_limit_headers import budget_headers, budget_policy
from api.http.refusal import RequestRefused
from api.http.request_id import request_id
from api.identity.api_keys import Unauthenticated
from api.identity.authenticator import IdentityUnknown
from api.observability.audit import log_reads
from api.observability.log import LOGGED_REQUEST
from api.observability.metrics import Metrics
from api.observability.slow import SlowOperations, logged_name
from api.observability.tracer import begin
from api.services import AppServices
from api.wire.incoming import Incoming
from api.wire.reply import Reply
from api.wire.request_state import state_of
from core.call import Call, Tally
from core.clock import Deadline
from core.lifetime import ClientDisconnected, Lifetime
from resolvers.context import Caller
from resolvers.policy.errors import MASKED
from resolvers.request.graphql_request import GraphQLRequest, GraphQLResponse

if TYPE_CHECKING:
    from api.observability.tracing import Tracing

log = structlog.get_logger(__name__)

_TRUSTED = ("trusted", "trusted_text")
# nginx's status for a client that has disconnected. It appears only in metrics and logs.
_CLIENT_CLOSED_REQUEST = 499


class Answer(Protocol):
    """A response as an ASGI application."""

    @property
    def status_code(self) -> int: ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None: ...


class Streams(Protocol):
    """Makes event streams (api/streams/event_stream.py)."""

    async def reply(self, exchange: Exchange, request: GraphQLRequest) -> Answer | None:
        """The response to a request that gets an event stream; None for one that is answered with JSON."""
        ...


class GraphQLEndpoint:
    """The ASGI endpoint of the process. POST runs operations. GET runs queries, and returns GraphiQL to a browser.
    Values that are equal for all requests are prepared once.
    """

    def __init__(
        self, app_services: AppServices, metrics: Metrics, streams: Streams, tracing: "Tracing | None" = None
    ) -> None:
        self._app_services = app_services
        self._metrics = metrics
        self._streams = streams
        self._tracing = tracing
        self._slow = SlowOperations(app_services.settings.server.slow_seconds, app_services.clock)
        self._limits = limits_of(app_services.settings)
        budget = app_services.settings.budget
        self._policy = budget_policy(budget.query_limit, budget.cost_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = Incoming(scope, receive)
        if incoming.method != "POST" and (other := answer_without_operation(incoming, self._app_services.settings)):
            return await other(scope, receive, send)
        exchange = Exchange(incoming, self._app_services.settings, request_id(incoming.header(b"x-request-id")))
        started = self._app_services.clock.monotonic()
        reply = await self._answered(exchange)
        self._metrics.answered(reply.status_code, self._app_services.clock.monotonic() - started)
        try:
            await reply(scope, receive, send)
        finally:
            if exchange.call is not None:
                log_reads(exchange.call)

    async def _answered(self, exchange: Exchange) -> Answer:
        """The reply of the steps, or the refusal of one step."""
        token = LOGGED_REQUEST.set(exchange.request_id)
        try:
            return await self._steps(exchange)
        except RequestRefused as refused:
            return await exchange.refusal(refused)
        except ClientDisconnected:
            log.info("graphql.hung_up")
            return Reply(b"", _CLIENT_CLOSED_REQUEST, {})
        except Exception:
            log.exception("graphql.failed")
            quoted = {"requestId": exchange.request_id}
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            return await exchange.refusal(RequestRefused(MASKED, "INTERNAL_ERROR", status, extensions=quoted))
        finally:
            LOGGED_REQUEST.reset(token)

    async def _steps(self, exchange: Exchange) -> Answer:
        """The order matters: the body of an unknown caller is not read, and a request that was not admitted does not
        run.
        """
        _agree(exchange)
        caller = await self._authenticate(exchange)
        if exchange.incoming.method == "HEAD":
            raise RequestRefused("HEAD runs nothing. Send the operation by GET or POST.")
        request = await self._read(exchange)
        found = await self._find_document(exchange, caller, request)
        if stream := await self._stream(exchange, request, found):
            return stream
        response = await self._run(exchange, caller, request, found)
        return await _respond(exchange, response)

    async def _authenticate(self, exchange: Exchange) -> Caller:
        try:
            return await self._app_services.authenticator.caller(exchange.incoming.header(b"authorization"))
        except Unauthenticated as error:
            headers = {"WWW-Authenticate": 'Bearer realm="brokergraph"'}
            raise RequestRefused(str(error), "UNAUTHENTICATED", HTTPStatus.UNAUTHORIZED, headers=headers) from None
        except IdentityUnknown as error:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            seconds = error.retry_after_seconds
            raise RequestRefused(str(error), "UPSTREAM_UNAVAILABLE", status, retry_after_seconds=seconds) from None

    async def _read(self, exchange: Exchange) -> GraphQLRequest:
        admitted = admission_of(exchange.incoming.scope)
        if admitted is None or exchange.incoming.is_whole:
            return await read_graphql(exchange.incoming, self._limits)
        with admitted.reading():
            return await read_graphql(exchange.incoming, self._limits)

    async def _find_document(self, exchange: Exchange, caller: Caller, request: GraphQLRequest) -> FoundDocument:
        found = await self._app_services.documents.find(request, caller.partner)
        exchange.persisted = found.persisted
        self._metrics.found(found.origin)
        return found

    async def _stream(self, exchange: Exchange, request: GraphQLRequest, found: FoundDocument) -> Answer | None:
        if not event_stream_wish(exchange.incoming.header(b"accept"))[0]:
            return None
        return await self._streams.reply(exchange, _with_text(request, found))

    async def _run(
        self, exchange: Exchange, caller: Caller, request: GraphQLRequest, found: FoundDocument
    ) -> GraphQLResponse:
        app_services = self._app_services
        request = _with_text(request, found)
        admitted = admission_of(exchange.incoming.scope)
        if admitted is not None and admitted.on_trial and app_services.executor.kind_of(request) != "mutation":
            raise RequestRefused(MESSAGE, CODE, HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=retry_seconds())
        deadline = Deadline.after(app_services.settings.server.request_deadline_seconds, app_services.clock)
        lifetime = Lifetime() if admitted is None else Lifetime(admitted)
        state_of(exchange.incoming.scope).lifetime = lifetime
        trace = begin(self._tracing, request, app_services.executor.kind_of, exchange.incoming.header(b"traceparent"))
        reads: set[int] | None = set() if app_services.settings.audit.reads else None
        call = Call(
            deadline, Tally(), exchange.request_id, caller.principal, lifetime=lifetime, trace=trace, reads=reads
        )
        exchange.call = call
        with trace or nullcontext(), self._slow.watch(call, caller.name, request.operation_name):
            response = await app_services.executor.run(request, caller, call, may_mutate=exchange.may_mutate)
            if trace is not None:
                trace.note(len(response.body.get("errors", ())))
        self._metrics.count(call.tally)
        exchange.headers |= budget_headers(response.standing, self._policy)
        errors, standing = response.body.get("errors", ()), response.standing
        # Only the names of trusted documents are few.
        name = response.operation if found.origin in _TRUSTED else None
        self._metrics.ran(name, errors, standing.requested if standing else 0)
        log.info(
            "graphql.request",
            caller=caller.name,
            operation=logged_name(request.operation_name),
            errors=len(errors),
            calls=dict(call.tally.calls),
        )
        if response.executed:
            app_services.documents.keep(caller.partner, found)
        return response


def _with_text(request: GraphQLRequest, found: FoundDocument) -> GraphQLRequest:
    """The request with the text of its document."""
    return request if found.text is request.query else msgspec.structs.replace(request, query=found.text)


def _agree(exchange: Exchange) -> None:
    accept = exchange.incoming.header(b"accept")
    media_type = response_type(accept) or (JSON if event_stream_wish(accept)[0] else None)
    if media_type is None:
        message = f"Answers are {GRAPHQL_JSON}, {JSON} or {EVENT_STREAM}, and the Accept header accepts none of them."
        raise RequestRefused(message, "NOT_ACCEPTABLE", HTTPStatus.NOT_ACCEPTABLE)
    exchange.media_type = media_type


async def _respond(exchange: Exchange, response: GraphQLResponse) -> Reply:
    """The status for the media type. With application/json every well-formed request gets 200."""
    if response.refused_method:
        return await exchange.response(response.body, HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "POST"})
    if response.refused_budget:
        return await exchange.response(response.body, HTTPStatus.TOO_MANY_REQUESTS)
    if not response.executed:
        status = HTTPStatus.OK if exchange.media_type == JSON else HTTPStatus.BAD_REQUEST
        return await exchange.response(response.body, status)
    keep = exchange.persisted and not exchange.may_mutate and "errors" not in response.body
    return await exchange.response(response.body, HTTPStatus.OK, keep=keep)
