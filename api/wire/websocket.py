"""uvicorn's WebSocket protocol with bounds, and with an end that is spread over time when the server stops."""

import random
from asyncio.transports import BaseTransport
from typing import Final

from typing_extensions import override
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.wire.closing import SPREAD_SECONDS, bound_send_buffer

# A client that sends pings and reads no pongs is disconnected at so many bytes.
_MOST_UNREAD_BYTES: Final = 1 << 20


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket connection."""

    @override
    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        bound_send_buffer(self.transport)

    @override
    def handle_ping(self) -> None:
        super().handle_ping()
        if self.transport.get_write_buffer_size() > _MOST_UNREAD_BYTES:
            self.transport.abort()

    @override
    def shutdown(self) -> None:
        delay = random.random() * SPREAD_SECONDS  # noqa: S311 - the delay is not a secret.
        self.loop.call_later(delay, self._shut_down)

    def _shut_down(self) -> None:
        """Close with 1012, after which clients connect again."""
        if not self.transport.is_closing():
            super().shutdown()
