"""One vendor's loopback address: a uvicorn server in the running loop, shut and reopened on the same port at will."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

LOOPBACK = "127.0.0.1"
TRANSPORT = "sandbox.transport"
"""Where the misbehaviour layer finds the connection that it may have to cut."""


class CuttableProtocol(H11Protocol):
    """Hands each request its own transport: ASGI has no word for a connection that dies without an answer."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # uvicorn's own loggers belong to whoever serves the graph in this process.
        self.access_log = False
        self.logger = logging.getLogger("sandbox.vendors")
        inner = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope[TRANSPORT] = self.transport
            await inner(scope, receive, send)

        self.app = app


class QuietServer(uvicorn.Server):
    """Leaves signals and loggers to the process that owns the loop; uvicorn would take them over."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=sockets)
        await self.main_loop()
        await self.shutdown(sockets=sockets)


class Listener:
    """`open` and `close` may alternate; the port, once given by the system, stays."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self.app = app
        self.port = port
        self._server: QuietServer | None = None
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    async def open(self) -> None:
        async with self._lock:
            if self._server is not None:
                return
            listening = socket.create_server((LOOPBACK, self.port))
            self.port = listening.getsockname()[1]
            self._server = QuietServer(_config(self.app))
            self._task = asyncio.create_task(self._server.serve(sockets=[listening]))
            while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn offers no event
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Cuts what is still connected, so that a hanging request never delays the stop."""
        async with self._lock:
            server, task = self._server, self._task
            self._server = self._task = None
            if server is None or task is None:
                return
            server.should_exit = True
            for listening in server.servers:
                listening.close()
            for connection in list(server.server_state.connections):
                connection.transport.abort()
            await task


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
    )


@contextlib.asynccontextmanager
async def listening(*listeners: Listener) -> AsyncIterator[None]:
    """Opens all, closes all at once: each stop takes a tenth of a second."""
    try:
        for listener in listeners:
            await listener.open()
        yield
    finally:
        await asyncio.gather(*(listener.close() for listener in listeners))
