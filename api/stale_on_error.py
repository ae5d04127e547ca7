"""A stale-on-error cache: it returns the last known values while its store does not answer."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from cachetools import LRUCache

from core.clock import Clock
from core.errors import UpstreamError

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    value: V | None
    loaded_at: float


class StaleOnErrorCache(Generic[K, V]):
    """A value is cached for `fresh_seconds`, also the result that there is no value. While the store does not answer, a
    value is returned until it is `stale_seconds` old. `bound` is the maximum sum of the sizes of all values, by `size`.
    """

    def __init__(
        self,
        clock: Clock,
        fresh_seconds: float,
        stale_seconds: float,
        bound: int,
        size: Callable[[V | None], int] = lambda _value: 1,
    ) -> None:
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._stale_seconds = stale_seconds
        self._entries: LRUCache[K, _Entry[V]] = LRUCache(bound, lambda entry: size(entry.value))
        # Because a hanging store delays each look-up by its time-out, the store is not called for some seconds after a
        # failure.
        self._left_alone_until = clock.monotonic()

    async def get(self, key: K, load: Callable[[], Awaitable[V | None]]) -> V | None:
        """The value; None if there is no value. Raises the error of `load` if the cache has no entry for the key."""
        entry, now = self._entries.get(key), self._clock.monotonic()
        age = 0.0 if entry is None else now - entry.loaded_at
        if entry is not None and age < self._fresh_seconds:
            return entry.value
        stale = entry.value if entry is not None and age < self._stale_seconds else None
        if stale is not None and now < self._left_alone_until:
            return stale
        try:
            value = await load()
        except UpstreamError:
            self._left_alone_until = self._clock.monotonic() + self._fresh_seconds
            if stale is None:
                raise
            return stale
        # If the new value equals the cached value, the cached object stays, because its hash and derived values are
        # already computed.
        value = entry.value if entry is not None and entry.value == value else value
        # A value that is larger than the whole cache is not cached.
        with suppress(ValueError):
            self._entries[key] = _Entry(value, self._clock.monotonic())
        return value
