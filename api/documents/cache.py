"""Caches of documents in this process: a bounded LRU cache, and over it the trusted documents of the database."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final

from core.clock import Clock
from core.errors import UpstreamError
from upstreams.state.documents import DocumentStore

# Of trusted documents, and of look-ups that found none: entries and characters in this process.
_MOST_FOUND: Final = 10_000
_MOST_CHARACTERS: Final = 32 * 1024 * 1024


class PersistedQueries:
    """Texts by key; the least recently used is removed first."""

    def __init__(self, most: int, characters: int) -> None:
        self._most = most
        self._characters = characters
        self._kept: OrderedDict[tuple[str, str], tuple[str | None, float]] = OrderedDict()
        self._size = 0

    def get(self, key: tuple[str, str]) -> tuple[str | None, float] | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: tuple[str, str], text: str | None, at: float) -> None:
        self._forget(self._kept.pop(key, None))
        self._kept[key] = (text, at)
        self._size += len(text or "")
        while len(self._kept) > self._most or self._size > self._characters:
            self._forget(self._kept.popitem(last=False)[1])

    def _forget(self, entry: tuple[str | None, float] | None) -> None:
        self._size -= len(entry[0] or "") if entry else 0

    def __len__(self) -> int:
        return len(self._kept)


class TrustedDocuments:
    """Trusted documents, cached for a short time, and longer while the state database does not answer."""

    def __init__(self, store: DocumentStore, clock: Clock, keep_seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep_seconds
        self._texts = PersistedQueries(_MOST_FOUND, _MOST_CHARACTERS)
        self._away_until = clock.monotonic()

    async def by_id(self, principal: str, identity: str) -> str | None:
        """Raises Unavailable where the database does not answer and the cache has no entry."""
        return await self._found((principal, f"id {identity}"), lambda: self._store.by_id(principal, identity))

    async def by_text(self, principal: str, text: str) -> str | None:
        key = (principal, f"text {sha256(text.encode()).hexdigest()}")
        return await self._found(key, lambda: self._store.by_text(principal, text))

    async def _found(self, key: tuple[str, str], look: Callable[[], Awaitable[str | None]]) -> str | None:
        kept = self._texts.get(key)
        now = self._clock.monotonic()
        if kept and (now - kept[1] < self._keep or (kept[0] is not None and now < self._away_until)):
            return kept[0]
        try:
            text = await look()
        except UpstreamError:
            self._away_until = self._clock.monotonic() + self._keep
            if kept and kept[0] is not None:
                return kept[0]
            raise
        # The very object from before keeps the hash that it has computed, which the parsed documents are kept by.
        text = kept[0] if kept and kept[0] == text else text
        self._texts.put(key, text, self._clock.monotonic())
        return text
