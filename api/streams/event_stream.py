"""Server-sent events, in the mode of distinct connections: each operation has its own response.

: comment                       at once, and as a heartbeat
event: next, data: {...}        an answer; `id:` is the cursor of a stream of the log
event: complete, id: finished   the end; a client that repeats the request with this id gets 204
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.types import Receive, Scope, Send

from api.admission.load_shedding import admission_of
from api.graphql.exchange import Exchange
from api.http.negotiation import event_stream_wish
from api.http.refusal import RequestRefused
from api.http.request_id import REQUEST_ID
from api.streams.heartbeat import Heartbeat
from api.streams.operations import Gone, OperationRefused, Operations, uncancel
from api.streams.sessions import EndReason, Session
from api.streams.slots import Places
from api.wire.closing import bound_send_buffer
from api.wire.request_state import state_of
from core.lifetime import ClientDisconnected, Lifetime
from resolvers.request.event_stream import StreamAnswer
from resolvers.request.graphql_request import GraphQLRequest

FINISHED: Final = "finished"
_BY_POST: Final = "A mutation is sent by POST, never by GET."
_COMMENT: Final = b":\n\n"
_HEADERS: Final = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    # nginx then does not buffer the answer.
    "x-accel-buffering": "no",
    "vary": "Accept, Authorization",
}


class EventStreams:
    """Makes the responses of the process. Their heartbeats come from one timer."""

    def __init__(self, operations: Operations, heartbeat_seconds: float) -> None:
        self.operations = operations
        self.heartbeat = Heartbeat(heartbeat_seconds)

    async def reply(self, exchange: Exchange, request: GraphQLRequest) -> "EventStreamReply | None":
        """The response to a request whose client wants, or for this operation needs, an event stream. None: the request
        is answered with JSON. Raises Unauthenticated, IdentityUnknown and RequestRefused.
        """
        is_named, is_preferred = event_stream_wish(exchange.incoming.header(b"accept"))
        kind = self.operations.kind_of(request)
        if not is_named or not (is_preferred or kind == "subscription"):
            return None
        if kind == "mutation" and not exchange.may_mutate:
            raise RequestRefused(_BY_POST)
        resume = exchange.incoming.header(b"last-event-id")
        session = await self.operations.sessions.open(exchange.incoming.header(b"authorization"))
        headers = {REQUEST_ID.lower(): exchange.request_id}
        traceparent = exchange.incoming.header(b"traceparent")
        return EventStreamReply(self, session, request, headers, traceparent, resume or None)


class EventStreamReply:
    """The response to one operation, as an ASGI application."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a request.
        self,
        streams: EventStreams,
        session: Session,
        request: GraphQLRequest,
        headers: dict[str, str],
        traceparent: str,
        resume: str | None,
    ) -> None:
        self._operations = streams.operations
        self._heartbeat = streams.heartbeat
        self._session = session
        self._request = request
        self._headers = _HEADERS | headers
        self._traceparent = traceparent
        self._resume = resume
        self.status_code = HTTPStatus.NO_CONTENT if resume == FINISHED else HTTPStatus.OK
        self._send: Send | None = None
        self._scope: Scope = {}

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self._scope, self._send = scope, send
        try:
            if self.status_code == HTTPStatus.NO_CONTENT:
                await self._start()
                await self._write(b"", more=False)
            else:
                await self._serve()
        except (ClientDisconnected, Gone):
            pass
        finally:
            self._operations.sessions.close(self._session)

    async def _serve(self) -> None:
        if admitted := admission_of(self._scope):
            admitted.begin_stream()
        state, lifetime, task = state_of(self._scope), Lifetime(), asyncio.current_task()
        assert task is not None, "requests run in tasks"
        state.lifetime, state.end_stream = lifetime, lambda: self._session.finish(EndReason.SHUTDOWN)
        if cycle := self._cycle():
            bound_send_buffer(cycle.transport)
        self._session.tasks.add(task)
        stop = self._heartbeat.add(self)
        try:
            with lifetime.cancellable():
                await self._answer()
        finally:
            stop()
            self._session.tasks.discard(task)

    async def beat(self) -> None:
        """Send a comment, unless the client does not read."""
        cycle = self._cycle()
        if cycle is None or not cycle.flow.write_paused:
            try:
                await self._write(_COMMENT)
            except Gone:
                return

    def _cycle(self) -> Any:
        """Uvicorn's side of the request; None under another server."""
        reference = state_of(self._scope).cycle
        return None if reference is None else reference()

    async def _answer(self) -> None:
        await self._start()
        await self._write(_COMMENT)
        reason = EndReason.COMPLETED
        try:
            if self._operations.is_stream(self._request):
                reason = await self._operations.stream(
                    self._request,
                    self._session,
                    Places(),
                    self._emit,
                    traceparent=self._traceparent,
                    resume=self._resume,
                )
            else:
                await self._emit(await self._operations.run(self._request, self._session, self._traceparent))
        except OperationRefused as refused:
            await self._emit(StreamAnswer({"errors": refused.errors}))
        except asyncio.CancelledError:
            if self._session.end is not EndReason.SHUTDOWN:
                raise
            uncancel()
            reason = EndReason.SHUTDOWN
        is_final = reason not in {EndReason.BEHIND, EndReason.SHUTDOWN, EndReason.EXPIRED, EndReason.REVOKED}
        mark = f"id: {FINISHED}\n" if is_final else ""
        await self._write(f"event: complete\n{mark}data:\n\n".encode(), more=False)

    async def _start(self) -> None:
        headers = [(name.encode(), value.encode("latin-1")) for name, value in self._headers.items()]
        await self._send_message({"type": "http.response.start", "status": int(self.status_code), "headers": headers})

    async def _emit(self, answer: StreamAnswer) -> None:
        mark = f"id: {answer.cursor}\n" if answer.cursor else ""
        # JSON has no line break, so that each answer is one line.
        await self._write(f"event: next\n{mark}data: ".encode() + msgspec.json.encode(answer.body) + b"\n\n")

    async def _write(self, body: bytes, *, more: bool = True) -> None:
        await self._send_message({"type": "http.response.body", "body": body, "more_body": more})

    async def _send_message(self, message: dict[str, Any]) -> None:
        assert self._send is not None, "the response is being sent"
        try:
            await self._send(message)
        except OSError:
            raise Gone from None
