"""API keys: made once, shown once, kept as a hash."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from upstreams.clock import Clock
from upstreams.database import Database
from upstreams.secret import Secret
from upstreams.sql import read_statements

sql = read_statements("keys.sql")
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """Who may do what. `agencies` None means every agency; `principal` is the partner that instructions belong to."""

    id: str
    principal: str
    scopes: tuple[str, ...]
    agencies: tuple[int, ...] | None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


def key_hash(key: Secret) -> bytes:
    """SHA-256 is enough for a key of 256 random bits: there is nothing to guess that a slow hash would protect."""
    return hashlib.sha256(key.reveal().encode()).digest()


def new_key(identity: str) -> Secret:
    """A fresh key; its id is part of it, so that a key found in a log of somebody's can be revoked by name."""
    return Secret(f"bg_{identity}_{secrets.token_urlsafe(32)}")


class KeyStore:
    """Raises Unavailable when the state database is away."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def find(self, key: Secret) -> KeyRecord | None:
        """The key's record, None where there is no such key or its time is over."""
        rows = await self._database.write(sql.by_hash, key_hash(key), self._clock.now(), seconds=_SECONDS)
        return None if not rows else _record(rows[0])

    async def add(self, record: KeyRecord, key: Secret) -> bool:
        """Keep the key under its id; False where the id is taken."""
        agencies = None if record.agencies is None else list(record.agencies)
        rows = await self._database.write(
            sql.insert,
            *(record.id, key_hash(key), record.principal, list(record.scopes), agencies),
            *(self._clock.now(), record.expires_at),
            seconds=_SECONDS,
        )
        return bool(rows)

    async def list_all(self) -> list[KeyRecord]:
        return [_record(row) for row in await self._database.write(sql.list_all, seconds=_SECONDS)]

    async def revoke(self, identity: str) -> bool:
        """End the key's life; False where there is no such key or it is over already."""
        return bool(await self._database.write(sql.revoke, identity, self._clock.now(), seconds=_SECONDS))


def _record(row: object) -> KeyRecord:
    values = dict(row)  # type: ignore[call-overload]
    agencies = values.pop("agencies")
    return KeyRecord(
        **{**values, "scopes": tuple(values["scopes"])}, agencies=None if agencies is None else tuple(agencies)
    )
