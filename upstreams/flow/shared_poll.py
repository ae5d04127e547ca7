"""A shared poll: one source is read again and again for all watches together, while there is a watch.

Invariants:
- A watch gets the current value of each of its keys first, then the newest value after each change.
- A value that the stream has not taken is replaced by a newer one. The newest value is never skipped.
- The reads depend on the interval and on the watched keys, not on the number of watches.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

import structlog

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

log = structlog.get_logger(__name__)

# New keys that come together are read together.
_GATHER_SECONDS: Final = 0.02

Fetch = Callable[[Sequence[K], float], Awaitable[Mapping[K, V]]]


class Watch(Generic[K, V]):
    """The values of one stream that it has not taken yet. It may join several polls."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._pending: dict[K, V] = {}
        self._changed = asyncio.Event()

    def push(self, key: K, value: V) -> None:
        self._pending[key] = value
        self._changed.set()

    async def next(self) -> tuple[K, V]:
        """The newest value of the key that has waited longest."""
        while not self._pending:
            self._changed.clear()
            await self._changed.wait()
        key = next(iter(self._pending))
        return key, self._pending.pop(key)


class SharedPoll(Generic[K, V]):
    """`fetch` takes keys and the interval, and returns the values. An error is a value too. A key that is left out has
    no news. `is_same` tells whether two values are equal for a watch.
    """

    def __init__(self, fetch: "Fetch[K, V]", is_same: Callable[[V, V], bool]) -> None:
        self._fetch = fetch
        self._is_same = is_same
        self._watches: defaultdict[K, set[Watch[Any, V]]] = defaultdict(set)
        self._values: dict[K, V] = {}
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()

    def join(self, watch: Watch[Any, V], keys: Sequence[K]) -> None:
        """Watch the keys until `leave`."""
        for key in keys:
            self._watches[key].add(watch)
            if key in self._values:
                watch.push(key, self._values[key])
        self._woken.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def leave(self, watch: Watch[Any, V], keys: Sequence[K]) -> None:
        for key in keys:
            self._watches[key].discard(watch)
            if not self._watches[key]:
                del self._watches[key]
                self._values.pop(key, None)

    @property
    def watched(self) -> int:
        """The number of keys that streams watch."""
        return len(self._watches)

    async def aclose(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        """Read all keys in every interval, and new keys at once."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._watches:
            is_due = loop.time() >= due
            seconds = min(watch.seconds for watches in self._watches.values() for watch in watches)
            if is_due:
                due = loop.time() + seconds
            self._woken.clear()
            keys = [key for key in self._watches if is_due or key not in self._values]
            if keys:
                await self._read(keys, seconds)
            await self._rest(due - loop.time())

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._woken.wait()
                await asyncio.sleep(_GATHER_SECONDS)

    async def _read(self, keys: Sequence[K], seconds: float) -> None:
        try:
            found = await self._fetch(keys, seconds)
        except Exception:
            log.exception("poll.failed")
            return
        for key, value in found.items():
            watches = self._watches.get(key)
            if watches and not (key in self._values and self._is_same(self._values[key], value)):
                self._values[key] = value
                for watch in watches:
                    watch.push(key, value)
