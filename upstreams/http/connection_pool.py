"""Connections that wait for their next request: a few seconds, and each for one trading server's requests alone."""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar


class Connection(Protocol):
    """What can be kept."""

    def is_silent(self) -> bool:
        """Whether it is open and nothing has come on it that has not been read."""
        ...

    def close(self) -> None: ...


C = TypeVar("C", bound=Connection)
PoolKey = tuple[Hashable, str]
"""Where it leads, and the lane of the requests that it is for."""


class ConnectionPool(Generic[C]):
    """The one that was used last goes first, so that few are kept open. A vendor that answers twice leaves its second
    answer to whoever comes next: so only silent ones are handed on, and never from one trading server to another, where
    the same login is somebody else's.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._idle: dict[PoolKey, deque[tuple[float, C]]] = {}
        self._tidying: asyncio.TimerHandle | None = None

    def take(self, key: PoolKey) -> C | None:
        """One that may be written to at once: between the look at it and the writing nothing may be awaited."""
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
        """Close what is kept for this lane: what came on one of them was no answer to what was asked."""
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
        """Or a lane that nobody asks for any more would keep its connections for good."""
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
