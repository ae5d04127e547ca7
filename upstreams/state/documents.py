"""Trusted documents in the state database, by partner and id. A document never changes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from core.clock import Clock
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements

_sql = read_statements("state/documents.sql")
_SECONDS: Final = 5.0
# A manifest of thousands of documents is added by one statement, which may take long.
_ADD_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A trusted document of the partner `principal`, or of all partners (`*`). `name` is that of its operation."""

    principal: str
    id: str
    text: str
    name: str | None = None
    added_at: datetime | None = None


class IdTaken(Exception):
    """Some ids belong to another text already. Nothing was added."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(", ".join(ids))
        self.ids = tuple(ids)


def hash_text(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


class DocumentStore:
    """Raises Unavailable when the state database does not answer."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def by_id(self, principal: str, identity: str) -> str | None:
        """The text of the partner's document with this id. None: there is no such document."""
        return await self._text(_sql.by_id, principal, identity)

    async def by_text(self, principal: str, text: str) -> str | None:
        """The text if it is one of the partner's documents, otherwise None."""
        return await self._text(_sql.by_hash, principal, hash_text(text))

    async def _text(self, statement: str, *arguments: Any) -> str | None:
        rows = await self._database.write(statement, *arguments, seconds=_SECONDS)
        return str(rows[0]["text"]) if rows else None

    async def add(self, principal: str, documents: Sequence[DocumentRecord]) -> int:
        """Store all documents or none. Returns the number of new documents. Raises IdTaken if an id belongs to another
        text.
        """
        ids = [one.id for one in documents]
        hashes = [hash_text(one.text) for one in documents]
        texts, names = [one.text for one in documents], [one.name for one in documents]

        async def work(connection: Any) -> int:
            added = await connection.fetch(_sql.insert, principal, ids, hashes, texts, names, self._clock.now())
            # The ids are checked after the insert, because the insert waits for other transactions that add the same
            # id.
            taken = await connection.fetch(_sql.other_text, principal, ids, hashes)
            if taken:
                raise IdTaken([row["id"] for row in taken])
            return len(added)

        return await self._database.transact(work, seconds=_ADD_SECONDS)

    async def list_all(self, principal: str | None = None) -> list[DocumentRecord]:
        rows = await self._database.write(_sql.list_all, principal, seconds=_ADD_SECONDS)
        return [DocumentRecord(**dict(row)) for row in rows]

    async def remove(self, principal: str, ids: Sequence[str] | None) -> int:
        """Remove these documents, or all of the partner. Returns the number of removed documents."""
        chosen = None if ids is None else list(ids)
        return len(await self._database.write(_sql.remove, principal, chosen, seconds=_SECONDS))
