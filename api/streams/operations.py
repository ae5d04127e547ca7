"""Runs one operation for a stream transport, and counts how streams end."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from api.admission.limiter import ConcurrencyLimiter, RequestShed
from api.admission.load_shedding import CODE, MESSAGE
from api.graphql.body import checked_request, limits_of
from api.http.refusal import RequestRefused
from api.http.request_id import new_id
from api.observability.audit import log_reads
from api.observability.slow import SlowOperations
from api.observability.tracer import begin
from api.services import AppServices
from api.streams.sessions import EndReason, Session, Sessions
from api.streams.slots import Places, StreamSlots
from core.call import Call, Tally
from core.clock import Deadline
from core.lifetime import Lifetime
from resolvers.policy.errors import MASKED
from resolvers.request.event_stream import StreamAnswer
from resolvers.request.graphql_request import GraphQLRequest, GraphQLResponse

if TYPE_CHECKING:
    from api.observability.tracing import OperationTrace, Tracing

log = structlog.get_logger(__name__)

_ENDS: Final = {"STREAM_BEHIND": EndReason.BEHIND, "STREAM_RESET": EndReason.RESET}
_LAST_WORDS: Final = {
    EndReason.EXPIRED: "The key or token has expired. Connect again with a valid one.",
    EndReason.REVOKED: "The key was revoked, or its rights have changed. Connect again.",
}

Emit = Callable[[StreamAnswer], Awaitable[None]]


class OperationRefused(Exception):
    """The operation did not begin. `errors` are the errors of the answer."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors


class Gone(Exception):
    """The client has closed the connection."""


class Operations:
    """The operations of all streams of the process."""

    def __init__(self, services: AppServices, limiter: ConcurrencyLimiter, tracing: "Tracing | None" = None) -> None:
        self._services = services
        self._tracing = tracing
        self._slow = SlowOperations(services.settings.server.slow_seconds, services.clock)
        self._limiter = limiter
        self._limits = limits_of(services.settings)
        self.init_timeout_seconds = services.settings.streams.init_timeout_seconds
        self.slots = StreamSlots(services.settings.streams)
        longest = services.settings.streams.longest
        self.sessions = Sessions(services.authenticator, services.upstreams.state.keys, services.clock, longest)
        self.ended: Counter[EndReason] = Counter()
        self.refused: Counter[str] = Counter()
        self._mutations: set[asyncio.Task[StreamAnswer]] = set()

    def open_socket(self) -> AbstractContextManager[None]:
        """A WebSocket connection, which is no request in flight."""
        return self._limiter.open_socket()

    async def read(self, body: Any, session: Session) -> GraphQLRequest:
        """The request with the text of its document. Raises OperationRefused."""
        try:
            request = checked_request(body, self._limits)
            found = await self._services.documents.find(request, session.caller.partner)
        except RequestRefused as error:
            raise OperationRefused([{"message": error.message, "extensions": error.extensions}]) from error
        return request if found.text is request.query else msgspec.structs.replace(request, query=found.text)

    def kind_of(self, request: GraphQLRequest) -> str | None:
        """`query`, `mutation` or `subscription`; None for a request that cannot be executed."""
        return self._services.executor.kind_of(request)

    def is_stream(self, request: GraphQLRequest) -> bool:
        return self.kind_of(request) == "subscription"

    def check_connection(self, operations: int) -> None:
        """Raises OperationRefused if a connection with so many operations may have no more."""
        most = self._services.settings.streams.per_connection_max
        if operations >= most:
            message = f"A connection has at most {most} operations at the same time."
            raise OperationRefused([{"message": message, "extensions": {"code": "LIMIT_EXCEEDED"}}])

    async def run(self, request: GraphQLRequest, session: Session) -> StreamAnswer:
        """The answer of a query or mutation. Raises OperationRefused. A mutation continues without its client."""
        work = asyncio.create_task(self._run(request, session))
        if self.kind_of(request) != "mutation":
            return await work
        self._mutations.add(work)
        work.add_done_callback(self._mutations.discard)
        return await asyncio.shield(work)

    async def _run(self, request: GraphQLRequest, session: Session) -> StreamAnswer:
        try:
            admitted = await self._limiter.enter(says_mutation=True, caller=session.caller.principal)
        except RequestShed:
            raise OperationRefused([{"message": MESSAGE, "extensions": {"code": CODE}}]) from None
        try:
            with (trace := begin(self._tracing, request, self.kind_of)) or nullcontext():
                call = self._call(session, Lifetime(admitted), trace, self._reads())
                with self._slow.watch(call, session.caller.name, request.operation_name):
                    response = await self._services.executor.run(request, session.caller, call)
        finally:
            self._limiter.leave(admitted)
        log_reads(call)
        return _answer(response)

    async def stream(
        self, request: GraphQLRequest, session: Session, places: Places, emit: Emit, resume: str | None = None
    ) -> EndReason:
        """Emit the answers of a subscription until it ends. Raises OperationRefused if it does not begin. `resume` is a
        cursor that counts more than the argument `after`.
        """
        reason = EndReason.DISCONNECTED
        try:
            reason = await self._stream(request, session, places, emit, resume)
        except asyncio.CancelledError:
            reason = session.end or EndReason.UNSUBSCRIBED
            if reason not in _LAST_WORDS:
                raise
            uncancel()
            error = {"message": _LAST_WORDS[reason], "extensions": {"code": "UNAUTHENTICATED"}}
            await emit(StreamAnswer({"data": None, "errors": [error]}))
        except OperationRefused as refused:
            reason = EndReason.REFUSED
            self.refused[refused.errors[0]["extensions"]["code"]] += 1
            raise
        except Gone:
            raise
        except Exception:
            reason = EndReason.FAILED
            log.exception("stream.failed")
            await emit(_masked())
        finally:
            self.ended[reason] += 1
            log.info("stream.ended", reason=str(reason), caller=session.caller.name)
        return reason

    async def _stream(
        self, request: GraphQLRequest, session: Session, places: Places, emit: Emit, resume: str | None
    ) -> EndReason:
        with (trace := begin(self._tracing, request, self.kind_of)) or nullcontext():
            call = self._call(session, Lifetime(), trace, self._reads())
            answers: AsyncGenerator[StreamAnswer, None] | GraphQLResponse = await self._services.executor.subscribe(
                request,
                session.caller,
                lambda: self._call(session, Lifetime(), trace, call.reads),
                lambda: self.slots.held(call.caller, places),
                resume,
            )
            if isinstance(answers, GraphQLResponse):
                raise OperationRefused(answers.body["errors"])
            return await _emit_all(answers, emit, call)

    def _reads(self) -> set[int] | None:
        return set() if self._services.settings.audit.reads else None

    def _call(
        self, session: Session, lifetime: Lifetime, trace: "OperationTrace | None", reads: set[int] | None
    ) -> Call:
        seconds = self._services.settings.server.request_deadline_seconds
        deadline = Deadline.after(seconds, self._services.clock)
        return Call(deadline, Tally(), new_id(), session.caller.principal, lifetime=lifetime, trace=trace, reads=reads)


async def _emit_all(answers: AsyncGenerator[StreamAnswer, None], emit: Emit, call: Call) -> EndReason:
    code, has_begun = None, False
    async with aclosing(answers):
        async for answer in answers:
            code = None if answer.body["data"] else answer.body["errors"][0]["extensions"]["code"]
            if code and not has_begun and code not in _ENDS:
                raise OperationRefused(answer.body["errors"])
            has_begun = True
            await emit(answer)
            if call.reads:
                log_reads(call)
                call.reads.clear()
    return _ENDS.get(code, EndReason.FAILED) if code else EndReason.COMPLETED


def _answer(response: GraphQLResponse) -> StreamAnswer:
    if not response.executed:
        raise OperationRefused(response.body["errors"])
    return StreamAnswer(response.body)


def _masked() -> StreamAnswer:
    return StreamAnswer({"data": None, "errors": [{"message": MASKED, "extensions": {"code": "INTERNAL_ERROR"}}]})


def uncancel() -> None:
    """Forget the cancellation of this task, which has more to do."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
