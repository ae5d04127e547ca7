"""Where a vendor's tokens outlive the process."""

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
    """Where the current pair outlives the process. `save` returns when the pair is durable."""

    async def load(self) -> TokenPair | None: ...

    def locked(self) -> AbstractAsyncContextManager[None]:
        """Held by one process at a time; `load` and `save` are called within."""
        ...

    async def save(self, access: Secret, refresh: Secret | None) -> None: ...


class MemoryTokenStore:
    """For one process and for tests: nothing outlives it."""

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
    """A store of its own for each connection, which forgets."""
    return MemoryTokenStore()
