"""asyncpg's pool, with the connections that reads have just given back kept at hand.

The pool spends a task, a time-out and a proxy on each turn of a connection, which is more than a small statement's own
share: it cannot know what was done. A read that ended well has left nothing behind, so its connection goes straight to
the next one. Everything else goes back through the pool's own hands: whatever changed something, failed, was given up
or took too long; each connection while somebody waits for one; and all that is at hand, once a second, so that the
pool may let go of what is idle, old or dead.

Before a connection goes back, asyncpg waits to hear that what was given up is cancelled, which a dead connection never
says: who has given up does not wait with it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import asyncpg

AT_HAND_SECONDS = 1.0
# In which a statement must be cancelled and a transaction rolled back, or the connection is thrown away.
RELEASE_SECONDS = 1.0
# asyncpg takes 0 for an error of ours.
_NO_TIME = 0.001


class Pool:
    """Raises asyncpg's errors, and TimeoutError where the time is up. `statement_seconds`: no read takes longer."""

    def __init__(self, pool: Any, statement_seconds: float) -> None:
        self._pool = pool  # asyncpg.Pool is generic for type checkers alone and cannot be subscripted at run time.
        self._statement_seconds = statement_seconds
        self._at_hand: list[Any] = []
        self._waiting = 0
        self._tidying: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def fetch(self, statement: str, arguments: tuple[Any, ...], seconds: float) -> list[asyncpg.Record]:
        """Run one reading statement, within so many seconds with the wait for a connection."""
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
        """A connection for anything, had within so many seconds or not at all. When this ends, what it held is free and
        what it began has come to its end, so that who looks again sees it: unless PostgreSQL says nothing at all.
        """
        connection = self._from_hand() or await self._from_pool(seconds)
        try:
            yield connection
        finally:
            await asyncio.wait([self._give_back(connection)])

    async def close(self) -> None:
        """Wait for what is under way and close all connections."""
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
            # Not asyncpg's own time-out: who is cancelled within it may leak the connection.
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
        # Whatever goes wrong, asyncpg has thrown the connection away, and its place is free.
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
    """Like asyncpg's own, but what fails is rolled back by the pool alone, within its time, when the connection goes
    back: a dead one never says that it has rolled back.
    """
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(connection.transaction())
        try:
            yield
        except BaseException:
            stack.pop_all()
            raise


def _is_usable(connection: Any) -> bool:
    """False: it was closed meanwhile, and the pool has it back."""
    try:
        if not connection.is_closed():
            return True
        connection.terminate()
    except asyncpg.InterfaceError:
        # The pool noticed first.
        pass
    return False
