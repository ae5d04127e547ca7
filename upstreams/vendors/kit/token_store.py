"""Token stores: keep the current token pair of a vendor connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from core.secret import Secret


@dataclass(frozen=True, slots=True)
class TokenPair:
    access: Secret
    refresh: Secret | None


class TokenStore(Protocol):
    """Keeps the current pair. `save` returns when the pair is durable."""

    async def load(self) -> TokenPair | None: ...

    def locked(self) -> AbstractAsyncContextManager[None]:
        """A lock that one process holds at a time. `load` and `save` of a renewal are called within it."""
        ...

    async def save(self, access: Secret, refresh: Secret | None) -> None: ...


class MemoryTokenStore:
    """A token store of one process: its pair ends with the process."""

    def __init__(self, pair: TokenPair | None = None) -> None:
        self.pair = pair
        self._lock = asyncio.Lock()

    async def load(self) -> TokenPair | None:
        return self.pair

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        async with self._lock:
            yield

    async def save(self, access: Secret, refresh: Secret | None) -> None:
        self.pair = TokenPair(access, refresh)


def memory_tokens(_path: str) -> TokenStore:
    """A new MemoryTokenStore for each connection."""
    return MemoryTokenStore()
