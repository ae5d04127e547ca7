"""Authentication by API keys as bearer tokens. Requests without a valid key are rejected."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from api.stale_on_error import StaleOnErrorCache
from core.clock import Clock
from core.secret import Secret
from resolvers.context import Caller
from upstreams.state.api_keys import KeyRecord, KeyStore, hash_key

_MOST_KEYS: Final = 10_000
_LONGEST_KEY: Final = 512
_REFUSED: Final = "The API key is not valid or has expired."


class Unauthenticated(Exception):
    """The key is missing or invalid. The message has the reason and never shows the key."""


@dataclass(frozen=True, slots=True)
class _KnownKey:
    record: KeyRecord
    caller: Caller


class Authenticator:
    """Looks keys up and caches the results for a short time, and longer while the state database does not answer."""

    def __init__(
        self,
        store: KeyStore,
        clock: Clock,
        keep_seconds: float,
        keep_without_database: float,
        used: Callable[[str], None] = lambda _identity: None,
    ) -> None:
        self._store = store
        self._used = used
        self._clock = clock
        self._keys: StaleOnErrorCache[bytes, _KnownKey] = StaleOnErrorCache(
            clock, keep_seconds, keep_without_database, _MOST_KEYS
        )

    async def caller(self, key: Secret) -> Caller:
        """The caller with this key. Raises Unauthenticated, or Unavailable if the database does not answer."""
        if len(key.reveal()) > _LONGEST_KEY:
            raise Unauthenticated(_REFUSED)
        known = await self._keys.get(hash_key(key), partial(self._find, key))
        if known is None or self._is_over(known.record):
            raise Unauthenticated(_REFUSED)
        self._used(known.record.id)
        return known.caller

    def _is_over(self, record: KeyRecord) -> bool:
        return record.expires_at is not None and record.expires_at <= self._clock.now()

    async def _find(self, key: Secret) -> _KnownKey | None:
        record = await self._store.find(key)
        if record is None:
            return None
        return _KnownKey(record, caller_of_key(record))


def caller_of_key(record: KeyRecord) -> Caller:
    scopes = frozenset(record.scopes)
    return Caller(record.id, record.principal, scopes, record.agencies, expires_at=record.expires_at)


def bearer(authorization: str | None) -> Secret:
    """The key or token of the header. Raises Unauthenticated if the header has neither."""
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise Unauthenticated("Send an API key or a token: `Authorization: Bearer <key>`.")
    if not key.isascii():
        raise Unauthenticated(_REFUSED)
    return Secret(key)
