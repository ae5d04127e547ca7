"""API keys in the state database. A key is shown once when it is made, and only its hash is stored."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.clock import Clock
from core.secret import Secret
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements

_sql = read_statements("state/api_keys.sql")
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """An API key: its scopes and agencies (None: every agency). Instructions belong to its `principal`."""

    id: str
    principal: str
    scopes: tuple[str, ...]
    agencies: tuple[int, ...] | None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    successor: str | None = None


def hash_key(key: Secret) -> bytes:
    """The SHA-256 of a key. It is enough for 256 random bits: a slow hash protects only secrets that can be guessed.

    Keys are found by their hash. The time of a look-up therefore reveals at most how many first bytes of a guess's HASH
    match a stored hash. An attacker cannot choose keys for more matching bytes. `find` also compares in constant time.
    """
    return hashlib.sha256(key.reveal().encode()).digest()


def make_key(identity: str) -> Secret:
    """A new key. It contains its id, so that a key that was found in a log can be revoked by its id."""
    return Secret(f"bg_{identity}_{secrets.token_urlsafe(32)}")


class KeyStore:
    """Raises Unavailable when the state database does not answer."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def find(self, key: Secret) -> KeyRecord | None:
        """The key's record; None if the key does not exist or has expired."""
        digest = hash_key(key)
        rows = await self._database.write(_sql.by_hash, digest, self._clock.now(), seconds=_SECONDS)
        found = [row for row in rows if hmac.compare_digest(row["key_hash"], digest)]
        return _record(found[0]) if found else None

    async def valid(self, digests: Sequence[bytes]) -> dict[bytes, KeyRecord]:
        """The records of those keys that are still valid, by the hash of the key."""
        rows = await self._database.write(_sql.by_hashes, list(digests), self._clock.now(), seconds=_SECONDS)
        return {row["key_hash"]: _record(row) for row in rows}

    async def rotate(
        self, identity: str, successor: str, key: Secret, ends: datetime, new_ends: datetime | None
    ) -> KeyRecord | None:
        """Store `key` under the id `successor`, with the scopes of the old key. The old key ends at `ends` or sooner.

        None if the old key is not valid or has a successor, or if the new id is taken.
        """
        values = (identity, self._clock.now(), successor, hash_key(key), ends, new_ends)
        rows = await self._database.write(_sql.rotate, *values, seconds=_SECONDS)
        return _record(rows[0]) if rows else None

    async def note_use(self, used: dict[str, datetime]) -> None:
        """Store when these keys were used last."""
        await self._database.write(_sql.note_use, list(used), list(used.values()), seconds=_SECONDS)

    async def add(self, record: KeyRecord, key: Secret) -> bool:
        """Store the key under its id. False if the id is taken."""
        agencies = None if record.agencies is None else list(record.agencies)
        rows = await self._database.write(
            _sql.insert,
            *(record.id, hash_key(key), record.principal, list(record.scopes), agencies),
            *(self._clock.now(), record.expires_at),
            seconds=_SECONDS,
        )
        return bool(rows)

    async def list_all(self) -> list[KeyRecord]:
        return [_record(row) for row in await self._database.write(_sql.list_all, seconds=_SECONDS)]

    async def revoke(self, identity: str) -> bool:
        """Revoke the key. False if it does not exist or has already ended."""
        return bool(await self._database.write(_sql.revoke, identity, self._clock.now(), seconds=_SECONDS))


def _record(row: Any) -> KeyRecord:
    values = dict(row)
    values.pop("key_hash", None)
    agencies = values.pop("agencies")
    return KeyRecord(
        **{**values, "scopes": tuple(values["scopes"])}, agencies=None if agencies is None else tuple(agencies)
    )
