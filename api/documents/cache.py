"""Caches of documents in this process: the trusted documents of the database, and automatic persisted queries."""

import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import Final

from cachetools import LRUCache

from api.stale_on_error import StaleOnErrorCache
from core.clock import Clock
from upstreams.state.documents import DocumentStore

# The maximum of cached trusted documents, including failed look-ups: entries and characters in this process.
_MOST_FOUND: Final = 10_000
_MOST_CHARACTERS: Final = 32 * 1024 * 1024
# The maximum of one partner's automatic documents. A partner can evict only its own documents.
_MOST_AUTOMATIC: Final = 500
_MOST_AUTOMATIC_CHARACTERS: Final = 1024 * 1024
_MOST_PARTNERS: Final = 64


def size_of_text(entries: int, characters: int) -> Callable[[str | None], int]:
    """The size of a text in a cache that counts characters. A short text counts as longer, which bounds the number of
    entries.
    """
    least = characters // entries
    return lambda text: max(len(text or ""), least)


class TrustedDocuments:
    """Trusted documents, cached for a short time, and longer while the state database does not answer."""

    def __init__(self, store: DocumentStore, clock: Clock, keep_seconds: float) -> None:
        self._store = store
        size = size_of_text(_MOST_FOUND, _MOST_CHARACTERS)
        self._texts: StaleOnErrorCache[tuple[str, str], str] = StaleOnErrorCache(
            clock, keep_seconds, math.inf, _MOST_CHARACTERS, size
        )

    async def by_id(self, principal: str, identity: str) -> str | None:
        """Raises Unavailable if the database does not answer and the cache has no entry."""
        return await self._texts.get((principal, f"id {identity}"), partial(self._store.by_id, principal, identity))

    async def by_text(self, principal: str, text: str) -> str | None:
        key = (principal, f"text {sha256(text.encode()).hexdigest()}")
        return await self._texts.get(key, partial(self._store.by_text, principal, text))


class AutomaticDocuments:
    """The automatic documents of each partner by their hash. A partner finds only its own documents."""

    def __init__(self) -> None:
        self._partners: LRUCache[str, LRUCache[str, str]] = LRUCache(_MOST_PARTNERS)

    def get(self, principal: str, digest: str) -> str | None:
        texts = self._partners.get(principal)
        return None if texts is None else texts.get(digest)

    def put(self, principal: str, text: str) -> None:
        texts = self._partners.get(principal)
        if texts is None:
            size = size_of_text(_MOST_AUTOMATIC, _MOST_AUTOMATIC_CHARACTERS)
            texts = self._partners[principal] = LRUCache(_MOST_AUTOMATIC_CHARACTERS, size)
        # A text that is larger than the whole cache is not cached.
        with suppress(ValueError):
            texts[sha256(text.encode()).hexdigest()] = text
