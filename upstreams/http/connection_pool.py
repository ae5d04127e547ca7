"""The connection pool: idle connections stay open for some seconds, for the next request to the same trading server."""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar


class Connection(Protocol):
    """A connection that the pool can keep."""

    def is_silent(self) -> bool:
        """Whether the connection is open and has no unread bytes."""
        ...

    def close(self) -> None: ...


C = TypeVar("C", bound=Connection)
PoolKey = tuple[Hashable, str]
"""The origin, and the lane of the requests: their trading server."""


class ConnectionPool(Generic[C]):
    """Returns the most recently used connection, so that few connections stay open.

    If a vendor answers twice, the next request on the connection would get the second answer. Therefore only
    connections without unread bytes are used, and each only for one trading server, because the same login on another
    server is another account.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._idle: dict[PoolKey, deque[tuple[float, C]]] = {}
        self._tidying: asyncio.TimerHandle | None = None

    def take(self, key: PoolKey) -> C | None:
        """A connection without unread bytes. The caller must not await anything before it writes to the connection."""
        idle = self._idle.get(key)
        oldest = asyncio.get_running_loop().time() - self._seconds
        while idle:
            since, connection = idle.pop()
            if since > oldest and connection.is_silent():
                return connection
            connection.close()
        return None

    def keep(self, key: PoolKey, connection: C) -> None:
        loop = asyncio.get_running_loop()
        idle = self._idle.get(key)
        if idle is None:
            idle = self._idle[key] = deque()
        idle.append((loop.time(), connection))
        if self._tidying is None:
            self._tidying = loop.call_later(self._seconds, self._tidy)

    def distrust(self, lane: str) -> None:
        """Close the idle connections of this lane, because an answer on one of them did not match its request."""
        for key in [key for key in self._idle if key[1] == lane]:
            for _, connection in self._idle.pop(key):
                connection.close()

    def close(self) -> None:
        if self._tidying is not None:
            self._tidying.cancel()
            self._tidying = None
        for lane in {lane for _, lane in self._idle}:
            self.distrust(lane)

    def _tidy(self) -> None:
        """Close idle connections of lanes that are no longer used."""
        self._tidying = None
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._seconds
        for key, idle in list(self._idle.items()):
            while idle and idle[0][0] <= oldest:
                idle.popleft()[1].close()
            if not idle:
                del self._idle[key]
        if self._idle:
            self._tidying = loop.call_later(self._seconds, self._tidy)
