"""Heartbeats of event streams: one timer for all connections, which writes to a part of them at each tick."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

_TICKS: Final = 25


class Beating(Protocol):
    """A connection that needs heartbeats, because a proxy closes it when nothing is sent."""

    async def beat(self) -> None: ...


class Heartbeat:
    """Each connection gets a heartbeat every `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._groups: list[set[Beating]] = [set() for _ in range(_TICKS)]

    def add(self, connection: Beating) -> Callable[[], None]:
        """Add the connection to the smallest group. Returns the function that removes it."""
        group = min(self._groups, key=len)
        group.add(connection)
        return lambda: group.discard(connection)

    async def run(self, pause: Callable[[float], Awaitable[None]]) -> None:
        """Send heartbeats until cancelled."""
        while True:
            for group in self._groups:
                await pause(self._seconds / _TICKS)
                for connection in list(group):
                    await connection.beat()
