"""WebSocket connections to /graphql, by the protocol graphql-transport-ws.

connection   accepted -> connection_init -> connection_ack -> subscribe, complete, ping -> closed with a code
operation    subscribe -> next ... -> complete, or error if it does not begin
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from api.identity.api_keys import Unauthenticated
from api.identity.authenticator import IdentityUnknown
from api.streams.messages import (
    SUBPROTOCOL,
    CloseCode,
    Closed,
    authorization_of,
    id_of,
    is_allowed_origin,
    read_message,
    traceparent_of,
)
from api.streams.operations import Gone, OperationRefused, Operations, uncancel
from api.streams.sessions import Session
from api.streams.slots import Places
from resolvers.request.event_stream import StreamAnswer

log = structlog.get_logger(__name__)


class GraphQLSocket:
    """One connection."""

    def __init__(self, operations: Operations, headers: Mapping[bytes, bytes], receive: Receive, send: Send) -> None:
        self._operations = operations
        # A program may send these headers with the handshake. A browser cannot.
        authorization = headers.get(b"authorization")
        self._authorization = None if authorization is None else authorization.decode("latin-1")
        self._traceparent = headers.get(b"traceparent", b"").decode("latin-1")
        self._receive = receive
        self._send = send
        self._places = Places()
        self._session: Session | None = None
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serve the accepted connection until one side closes it."""
        try:
            await self._serve()
        except Closed as closed:
            await self._close(closed)
        except asyncio.CancelledError:
            if self._session is None or self._session.end is None:
                raise
            uncancel()
            # Each stream says why it ends, before the connection is closed.
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            await self._close(Closed(CloseCode.FORBIDDEN, "The key or token is not valid any more."))
        except Gone:
            pass
        except Exception:
            log.exception("socket.failed")
            await self._close(Closed(CloseCode.FAILED, "Internal error"))
        finally:
            await self._end_operations()
            if self._session is not None:
                self._operations.sessions.close(self._session)

    async def _serve(self) -> None:
        try:
            async with asyncio.timeout(self._operations.init_timeout_seconds):
                message = await self._message()
                while message["type"] in {"ping", "pong"}:
                    await self._pong(message)
                    message = await self._message()
        except TimeoutError:
            raise Closed(CloseCode.INIT_TIMEOUT, "Connection initialisation timeout") from None
        if message["type"] != "connection_init":
            raise Closed(CloseCode.UNAUTHORIZED, "Unauthorized")
        self._session = session = await self._open(message.get("payload"))
        await self._write({"type": "connection_ack"})
        while True:
            await self._handle(await self._message(), session)

    async def _open(self, payload: Any) -> Session:
        """The session of the connection's caller. Its key or token is in the payload."""
        try:
            session = await self._operations.sessions.open(authorization_of(payload) or self._authorization)
        except Unauthenticated as error:
            raise Closed(CloseCode.FORBIDDEN, str(error)) from None
        except IdentityUnknown as error:
            raise Closed(CloseCode.FULL, str(error)) from None
        task = asyncio.current_task()
        assert task is not None, "connections run in tasks"
        session.on_end = task.cancel
        return session

    async def _message(self) -> dict[str, Any]:
        event = dict(await self._receive())
        if event["type"] == "websocket.disconnect":
            raise Gone
        return read_message(event)

    async def _handle(self, message: dict[str, Any], session: Session) -> None:
        match message["type"]:
            case "subscribe":
                await self._subscribe(message, session)
            case "complete":
                if (task := self._running.pop(id_of(message), None)) is not None:
                    task.cancel()
            case "ping" | "pong":
                await self._pong(message)
            case "connection_init":
                raise Closed(CloseCode.SECOND_INIT, "Too many initialisation requests")
            case _:
                raise Closed(CloseCode.BAD_REQUEST, "This type of message is not known.")

    async def _subscribe(self, message: dict[str, Any], session: Session) -> None:
        identity, payload = id_of(message), message.get("payload")
        if identity in self._running:
            raise Closed(CloseCode.DUPLICATE_ID, f"Subscriber for {identity} already exists")
        if not isinstance(payload, dict):
            raise Closed(CloseCode.BAD_REQUEST, "A subscribe message has a payload.")
        try:
            self._operations.check_connection(len(self._running))
        except OperationRefused as refused:
            await self._write({"id": identity, "type": "error", "payload": refused.errors})
            return
        # Each operation has a task, so that a slow operation does not delay the others.
        task = asyncio.create_task(self._operate(identity, payload, session))
        self._running[identity] = task
        session.tasks.add(task)
        task.add_done_callback(session.tasks.discard)

    async def _operate(self, identity: str, payload: dict[str, Any], session: Session) -> None:
        async def emit(answer: StreamAnswer) -> None:
            await self._write({"id": identity, "type": "next", "payload": answer.body})

        last: dict[str, Any] = {"id": identity, "type": "complete"}
        traceparent = traceparent_of(payload) or self._traceparent
        try:
            request = await self._operations.read(payload, session)
            if self._operations.is_stream(request):
                await self._operations.stream(request, session, self._places, emit, traceparent=traceparent)
            else:
                await emit(await self._operations.run(request, session, traceparent))
        except OperationRefused as refused:
            last = {"id": identity, "type": "error", "payload": refused.errors}
        except Gone:
            return
        finally:
            # A client that has completed the operation gets nothing more for its id, which it may use again.
            is_current = self._running.get(identity) is asyncio.current_task()
            if is_current:
                del self._running[identity]
        # A stream that ends with its session is not complete, so that the client subscribes again with another key.
        if is_current and session.end is None:
            await self._write(last)

    async def _end_operations(self) -> None:
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pong(self, message: dict[str, Any]) -> None:
        if message["type"] == "ping":
            payload = {"payload": message["payload"]} if isinstance(message.get("payload"), dict) else {}
            await self._write({"type": "pong", **payload})

    async def _write(self, message: dict[str, Any]) -> None:
        try:
            await self._send({"type": "websocket.send", "text": msgspec.json.encode(message).decode()})
        except (OSError, RuntimeError):
            # The server raises one of them after the end of the connection.
            raise Gone from None

    async def _close(self, closed: Closed) -> None:
        try:
            await self._send({"type": "websocket.close", "code": int(closed.code), "reason": closed.reason})
        except (OSError, RuntimeError):
            log.debug("socket.closed_already")


async def serve_socket(
    operations: Operations, allowed_origins: tuple[str, ...], scope: Scope, receive: Receive, send: Send
) -> None:
    """The ASGI application of a WebSocket to /graphql."""
    await receive()
    if not is_allowed_origin(scope, allowed_origins):
        await send({"type": "websocket.close", "code": 1008})
    elif SUBPROTOCOL not in scope["subprotocols"]:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": int(CloseCode.BAD_SUBPROTOCOL), "reason": SUBPROTOCOL})
    else:
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        await GraphQLSocket(operations, dict(scope["headers"]), receive, send).run()
