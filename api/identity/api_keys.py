"""Authentication by API keys as bearer tokens. Requests without a valid key are rejected."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from core.clock import Clock
from core.errors import UpstreamError
from core.secret import Secret
from resolvers.context import Caller
from upstreams.state.api_keys import KeyRecord, KeyStore, hash_key

_MOST_KEPT: Final = 10_000
_LONGEST_KEY: Final = 512
_REFUSED: Final = "The API key is not valid, or its time is over."


class Unauthenticated(Exception):
    """The key is missing or invalid; the message says which, and never shows the key."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A cached key: its record and its caller."""

    record: KeyRecord | None
    caller: Caller | None
    at: float


class Authenticator:
    """Looks keys up and caches the answers for a short time; longer only while the state database does not answer."""

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
        self._keep = keep_seconds
        self._keep_without_database = keep_without_database
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        # A hanging database costs each look-up its time-out, so after a failure it is not asked for a while.
        self._away_until = clock.monotonic()

    async def caller(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header.

        Raises Unauthenticated, or Unavailable where no database answers.
        """
        return await self.caller_with(bearer(authorization))

    async def caller_with(self, key: Secret) -> Caller:
        """The same for the key itself."""
        if len(key.reveal()) > _LONGEST_KEY:
            raise Unauthenticated(_REFUSED)
        kept = await self._found(key)
        if kept.record is None or kept.caller is None or self._is_over(kept.record):
            raise Unauthenticated(_REFUSED)
        self._used(kept.record.id)
        return kept.caller

    def _is_over(self, record: KeyRecord) -> bool:
        return record.expires_at is not None and record.expires_at <= self._clock.now()

    async def _found(self, key: Secret) -> _Kept:
        digest = hash_key(key)
        kept = self._kept.get(digest)
        age = self._clock.monotonic() - kept.at if kept else 0.0
        if kept and age < self._keep:
            return kept
        is_good_without = kept is not None and kept.record is not None and age < self._keep_without_database
        if kept and is_good_without and self._clock.monotonic() < self._away_until:
            return kept
        try:
            record = await self._store.find(key)
        except UpstreamError:
            self._away_until = self._clock.monotonic() + self._keep
            if kept and is_good_without:
                return kept
            raise
        return self._keep_in_mind(digest, record)

    def _keep_in_mind(self, digest: bytes, record: KeyRecord | None) -> _Kept:
        kept = _Kept(record, None if record is None else _caller(record), self._clock.monotonic())
        self._kept[digest] = kept
        self._kept.move_to_end(digest)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return kept


def _caller(record: KeyRecord) -> Caller:
    return Caller(record.id, record.principal, frozenset(record.scopes), record.agencies)


def bearer(authorization: str | None) -> Secret:
    """The key or token of the header. Raises Unauthenticated where the header carries neither."""
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise Unauthenticated("Send an API key or a token: `Authorization: Bearer <key>`.")
    if not key.isascii():
        raise Unauthenticated(_REFUSED)
    return Secret(key)
