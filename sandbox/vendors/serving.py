"""The listener of one vendor: a uvicorn server on loopback, which can be closed and reopened on the same port."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

LOOPBACK = "127.0.0.1"
# As long as the vendor with the longest time.
KEEP_ALIVE_SECONDS = 240
TRANSPORT = "sandbox.transport"
"""The key in the scope for the connection, which a fault may cut."""
MEMORY = "sandbox.memory"
"""The key in the scope for what a vendor stores about the connection."""


class CuttableProtocol(H11Protocol):
    """Passes the connection to each request, because in ASGI an app cannot cut its connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # uvicorn's own loggers belong to the server of the graph in this process.
        self.access_log = False
        self.logger = logging.getLogger("sandbox.vendors")
        inner = self.app
        memory: dict[str, Any] = {}

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope[TRANSPORT] = self.transport
            scope[MEMORY] = memory
            await inner(scope, receive, send)

        self.app = app


class QuietServer(uvicorn.Server):
    """A uvicorn server that does not handle signals or configure loggers, because it shares the event loop with other
    servers.
    """

    def __init__(self, config: uvicorn.Config, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._tls = tls

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.load()
        self.config.ssl = self._tls
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=sockets)
        await self.main_loop()
        await self.shutdown(sockets=sockets)


class Listener:
    """The server of one app. It can be closed and reopened, and keeps its port."""

    def __init__(self, app: ASGIApp, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.app = app
        self.port = port
        self._tls = tls
        self._server: QuietServer | None = None
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://{LOOPBACK}:{self.port}"

    async def open(self) -> None:
        async with self._lock:
            if self._server is not None:
                return
            listening = socket.create_server((LOOPBACK, self.port))
            # asyncio does not set it on the connections of this socket, and a body would wait 40 ms for its headers.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.port = listening.getsockname()[1]
            self._server = QuietServer(_config(self.app), self._tls)
            self._task = asyncio.create_task(self._server.serve(sockets=[listening]))
            while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn offers no event
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Close the port and cut all connections, so that a hanging request does not delay the stop."""
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
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )


@contextlib.asynccontextmanager
async def listening(*listeners: Listener) -> AsyncIterator[None]:
    """Open all listeners. Close them concurrently, because each stop takes a tenth of a second."""
    try:
        for listener in listeners:
            await listener.open()
        yield
    finally:
        await asyncio.gather(*(listener.close() for listener in listeners))
