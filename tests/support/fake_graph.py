"""A graph that treats its clients badly, as a real one may: lost answers, an ended stream, a forgotten log."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from support.served import free_port

INSTRUCTION = {"id": "i1", "status": "SENT", "upstreamReference": None, "__typename": "Instruction"}


def _event(cursor: str, status: str) -> dict[str, Any]:
    event = {"status": status, "note": None, "__typename": "InstructionEvent"}
    shown = {"cursor": cursor, "event": event, "instruction": INSTRUCTION, "__typename": "InstructionLogEntry"}
    return {"data": {"instructionEvents": shown}}


def _end(code: str, **more: str) -> dict[str, Any]:
    return {"errors": [{"message": code, "extensions": {"code": code, **more}}]}


class FakeGraph:
    """Three deposits fail before the fourth is pending. The first stream is behind, the second forgot the log."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: list[str] = []
        self.afters: list[str] = []
        self.streams = [
            [_event("c1", "RECEIVED"), _end("STREAM_BEHIND", cursor="c3")],
            [_end("STREAM_RESET")],
            [_event("c10", "CONFIRMED")],
        ]

    async def post(self, request: Request) -> Response:
        asked = await request.json()
        if "deposit(" in asked["query"]:
            return self._deposit(asked["variables"]["input"]["idempotencyKey"])
        if "clients(" in asked["query"]:
            return JSONResponse({"data": {"clients": self._page(asked["variables"].get("after"))}})
        if "instructionEventsCursor" in asked["query"]:
            return JSONResponse({"data": {"instructionEventsCursor": "c9" if self.afters else "c0"}})
        return JSONResponse({"data": {"instruction": INSTRUCTION}})

    def _page(self, after: str | None) -> dict[str, Any]:
        node = {"id": after or "n0", "clientNumber": 1, "fullName": None, "totalFloatingBalance": None}
        info = {"hasNextPage": after is None, "endCursor": "n1", "__typename": "PageInfo"}
        return {"nodes": [node | {"__typename": "Client"}], "pageInfo": info, "__typename": "ClientConnection"}

    def _deposit(self, key: str) -> Response:
        self.keys.append(key)
        answers = [
            JSONResponse(_end("OVERLOADED"), 503),
            Response("<h1>Bad Gateway</h1>", 502, media_type="text/html"),
            JSONResponse(self._payload(__typename="UpstreamFailed", code="X", message="", retry="SAME_KEY")),
        ]
        pending = JSONResponse(self._payload(__typename="InstructionPending", instruction=INSTRUCTION))
        return answers[len(self.keys) - 1] if len(self.keys) <= len(answers) else pending

    def _payload(self, **payload: Any) -> dict[str, Any]:
        return {"data": {"deposit": payload}}

    async def socket(self, socket: WebSocket) -> None:
        await socket.accept("graphql-transport-ws")
        async for message in socket.iter_json():
            if message["type"] == "connection_init":
                await socket.send_json({"type": "connection_ack"})
            if message["type"] == "subscribe":
                self.afters.append(message["payload"]["variables"]["after"])
                for answer in self.streams[min(len(self.afters), len(self.streams)) - 1]:
                    await socket.send_json({"type": "next", "id": message["id"], "payload": answer})
                await socket.send_json({"type": "complete", "id": message["id"]})


@contextmanager
def fake_graph() -> Iterator[FakeGraph]:
    graph, port = FakeGraph(), free_port()
    routes = [Route("/graphql", graph.post, methods=["POST"]), WebSocketRoute("/graphql", graph.socket)]
    config = uvicorn.Config(Starlette(routes=routes), port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    graph.url = f"http://127.0.0.1:{port}/graphql"
    while not server.started:
        threading.Event().wait(0.01)
    try:
        yield graph
    finally:
        server.should_exit = True
        thread.join()
