"""Checks the proof chain: no event was changed, removed, inserted or moved since it was written (docs/proof.md).

Every hash is computed here from the rows of the tables, because the database is being checked.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements

_sql = read_statements("state/proof.sql")
_SECONDS = 3600.0
_PREFETCH = 1000


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of a check. `problem` names the first fault; None without a fault."""

    instructions: int
    events: int
    checkpoints: int
    last_checkpoint: str | None
    uncovered: int
    problem: str | None


class Broken(Exception):
    """The first fault of the chain."""


def netstring(part: str | None) -> bytes:
    """The part with its length before it, as in brokergraph.netstring, so that different lists have different texts."""
    if part is None:
        return b"-;"
    text = part.encode()
    return b"%d:%b;" % (len(text), text)


def chain(previous: bytes, parts: Sequence[str | None]) -> bytes:
    return sha256(previous + b"".join(netstring(part) for part in parts)).digest()


async def verify(database: Database, checkpoint: str | None = None) -> Proof:
    """Read the whole ledger in one snapshot and check it. The chain must contain the hash `checkpoint`, if given."""

    async def work(connection: Any) -> Proof:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return await _Check(connection).run(checkpoint)

    return await database.transact(work, seconds=_SECONDS)


class _Check:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._instructions = self._events = self._checkpoints = self._uncovered = 0
        self._last: bytes | None = None

    async def run(self, checkpoint: str | None) -> Proof:
        problem = None
        try:
            await self._check_orphans()
            await self._check_events()
            await self._check_checkpoints(checkpoint)
        except Broken as broken:
            problem = str(broken)
        last = self._last.hex() if self._last else None
        return Proof(self._instructions, self._events, self._checkpoints, last, self._uncovered, problem)

    def _rows(self, statement: str) -> AsyncIterator[Any]:
        rows: AsyncIterator[Any] = self._connection.cursor(statement, prefetch=_PREFETCH)
        return rows

    async def _check_orphans(self) -> None:
        for row in await self._connection.fetch(_sql.orphans):
            raise Broken(f"Instruction {row[0]} is missing, but its events are there.")

    async def _check_events(self) -> None:
        """Read instructions and their events together. Both are in the order of arrival."""
        events = aiter(self._rows(_sql.events))
        event = await anext(events, None)
        async for instruction in self._rows(_sql.instructions):
            self._instructions += 1
            *content, status, facts = tuple(instruction)
            identity, head, sequence, stands = content[0], chain(b"", content), 0, None
            known = None
            while event is not None and event[0] == identity:
                sequence += 1
                head, stands, known = self._check_event(event, head, sequence), event[3], event[6]
                event = await anext(events, None)
            if stands != status:
                why = "has no events" if stands is None else f"has the status {status}, but its last event has {stands}"
                raise Broken(f"Instruction {identity} {why}: events were removed, or its status was altered.")
            if known != facts:
                raise Broken(f"Instruction {identity} has another outcome than its last event: it was altered.")

    def _check_event(self, event: Any, head: bytes, sequence: int) -> bytes:
        self._events += 1
        *content, found = tuple(event)
        where = f"Event {content[1]} of instruction {content[0]}"
        if int(content[1]) != sequence:
            raise Broken(f"{where} is at the place of event {sequence}: an event was removed or inserted.")
        computed = chain(head, content)
        if computed != found:
            raise Broken(f"{where} does not match its hash: this event or an earlier event was altered or moved.")
        return computed

    async def _check_checkpoints(self, wanted: str | None) -> None:
        positions = aiter(self._rows(_sql.positions))
        pending = await anext(positions, None)
        seen = wanted is None
        previous = b""
        async for number, at, up_to, count, found in self._rows(_sql.checkpoints):
            self._checkpoints += 1
            if number != self._checkpoints:
                raise Broken(f"Checkpoint {self._checkpoints} is missing.")
            digest, covered = sha256(), 0
            while pending is not None and pending[0] <= up_to:
                digest.update(pending[1])
                covered += 1
                pending = await anext(positions, None)
            if covered != count:
                raise Broken(
                    f"Checkpoint {number} covered {count} events up to position {up_to}, and there are {covered}: "
                    "events, or whole instructions, were removed or inserted."
                )
            parts = [str(number), at, str(up_to), str(count)]
            computed = sha256(previous + b"".join(netstring(part) for part in parts) + digest.digest()).digest()
            if computed != found:
                raise Broken(
                    f"Checkpoint {number} does not match its hash: events up to position {up_to} were altered."
                )
            previous = self._last = found
            seen = seen or found.hex() == wanted
        while pending is not None:
            self._uncovered += 1
            pending = await anext(positions, None)
        if not seen:
            raise Broken(f"The checkpoint {wanted} is not in the chain: its events were removed or rewritten.")
