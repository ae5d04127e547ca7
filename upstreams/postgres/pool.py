"""The connection pool: asyncpg's pool, with a quick path for connections that reads have just released.

asyncpg's pool uses a task, a time-out and a proxy for each use of a connection, because the connection may have
changed. This costs more than a small statement. A successful read leaves no state on its connection, so that the
connection is reused directly.

Invariants:
- A connection is released to asyncpg's pool after a write, a failure, a cancellation or a time-out.
- Every connection is released while a caller waits for one.
- Connections of the quick path are released once a second, so that the pool can close idle, old and dead ones.
- A caller never waits for the release of a connection whose statement it has cancelled, because a dead connection
  confirms no cancellation.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import asyncpg

AT_HAND_SECONDS = 1.0
# The time to cancel a statement and to roll a transaction back. After this time the connection is closed.
RELEASE_SECONDS = 1.0
# asyncpg rejects a time-out of 0.
_NO_TIME = 0.001


class Pool:
    """Raises asyncpg's errors, and TimeoutError when the time is up. No read takes longer than `statement_seconds`."""

    def __init__(self, pool: Any, statement_seconds: float) -> None:
        self._pool = pool  # asyncpg.Pool is generic only for type checkers and cannot be subscripted at run time.
        self._statement_seconds = statement_seconds
        self._at_hand: list[Any] = []
        self._waiting = 0
        self._tidying: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def fetch(self, statement: str, arguments: tuple[Any, ...], seconds: float) -> list[asyncpg.Record]:
        """Run one reading statement. The seconds include the wait for a connection."""
        connection = self._from_hand()
        if connection is None:
            came = time.monotonic()
            connection = await self._from_pool(seconds)
            seconds -= time.monotonic() - came
        limit = max(min(seconds, self._statement_seconds), _NO_TIME)
        try:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments, timeout=limit)
        except BaseException:
            self._give_back(connection)
            raise
        if self._waiting:
            await self._pool.release(connection)
        else:
            self._keep(connection)
        return rows

    @asynccontextmanager
    async def connection(self, seconds: float) -> AsyncIterator[Any]:
        """A connection for any statement. Raises TimeoutError if none becomes free within the seconds.

        At the end of the block its transaction has ended and its locks are free, unless PostgreSQL does not answer.
        """
        connection = self._from_hand() or await self._from_pool(seconds)
        try:
            yield connection
        finally:
            await asyncio.wait([self._give_back(connection)])

    def connections(self) -> dict[str, int]:
        """The open connections, and those of them that no statement uses."""
        return {"open": self._pool.get_size(), "idle": self._pool.get_idle_size() + len(self._at_hand)}

    async def close(self) -> None:
        """Wait for releases in flight and close all connections."""
        if self._tidying is not None:
            self._tidying.cancel()
        await self._tidied()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=RELEASE_SECONDS)
        await self._pool.close()

    def terminate(self) -> None:
        self._pool.terminate()

    def _from_hand(self) -> Any:
        while self._at_hand:
            connection = self._at_hand.pop()
            if _is_usable(connection):
                return connection
        return None

    async def _from_pool(self, seconds: float) -> Any:
        self._waiting += 1
        try:
            # asyncpg's own time-out is not used: a cancellation within it may leak the connection.
            async with asyncio.timeout(seconds):
                return await self._pool.acquire()
        finally:
            self._waiting -= 1

    def _keep(self, connection: Any) -> None:
        self._at_hand.append(connection)
        if self._tidying is None:
            self._tidying = asyncio.get_running_loop().call_later(AT_HAND_SECONDS, self._tidy)

    def _tidy(self) -> None:
        self._tidying = None
        self._begin(self._tidied())

    def _give_back(self, connection: Any) -> asyncio.Task[None]:
        return self._begin(self._given_back(connection))

    async def _given_back(self, connection: Any) -> None:
        # After an error asyncpg has closed the connection and freed its place in the pool.
        with suppress(Exception):
            await self._pool.release(connection, timeout=RELEASE_SECONDS)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _tidied(self) -> None:
        given, self._at_hand = self._at_hand, []
        await asyncio.gather(*(self._pool.release(connection) for connection in given), return_exceptions=True)


@asynccontextmanager
async def transaction(connection: Any) -> AsyncIterator[None]:
    """Like asyncpg's transaction, but after a failure only the pool rolls back, when the connection is released.

    - The pool limits the time of the roll-back, which a dead connection never confirms.
    - The isolation is stated, because the checks after a lock must see what was committed during the wait for the lock.
      The default of the database may be another one.
    """
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(connection.transaction(isolation="read_committed"))
        try:
            yield
        except BaseException:
            stack.pop_all()
            raise


def _is_usable(connection: Any) -> bool:
    """Whether the connection is open; a closed one is released to the pool."""
    try:
        if not connection.is_closed():
            return True
        connection.terminate()
    except asyncpg.InterfaceError:
        # The pool has already released the connection.
        pass
    return False
