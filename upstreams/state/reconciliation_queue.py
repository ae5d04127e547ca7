"""Instructions that wait for reconciliation: claims, next times, and what each server's history has proven."""

from dataclasses import dataclass
from datetime import timedelta

from core.records import InstructionRecord
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements
from upstreams.state.instruction_rows import instruction_record
from upstreams.state.instructions import WRITE_SECONDS

_sql = read_statements("state/instructions.sql")


@dataclass(frozen=True, slots=True)
class ClaimedInstruction:
    """An instruction that this reconciler has claimed until the lease ends.

    `age_seconds` counts from SENT by the clock of the database, so that a wrong clock of a process does not change it.
    """

    instruction: InstructionRecord
    age_seconds: float


class ReconciliationQueue:
    """The queue of instructions in doubt. Raises UpstreamError if the state database fails; a lease that was taken then
    expires.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, most: int, lease: timedelta) -> list[ClaimedInstruction]:
        """Due instructions. No other reconciler gets them while the lease lasts."""
        rows = await self._database.write(_sql.claim, most, lease, seconds=WRITE_SECONDS)
        return [ClaimedInstruction(instruction_record(row), float(row["age_seconds"])) for row in rows]

    async def postpone(self, instruction: InstructionRecord, seconds: float) -> None:
        values = (instruction.id, instruction.status, timedelta(seconds=seconds))
        await self._database.write(_sql.postpone, *values, seconds=WRITE_SECONDS)

    async def is_proven(self, server: str, kind: str) -> bool:
        """Whether the server's history has ever shown the reference of a certainly booked instruction of this kind."""
        return bool(await self._database.write(_sql.is_proven, server, kind, seconds=WRITE_SECONDS))

    async def prove(self, server: str, instruction: InstructionRecord) -> None:
        await self._database.write(_sql.prove_history, server, instruction.id, instruction.kind, seconds=WRITE_SECONDS)

    async def booked_on(self, server: str, kind: str) -> InstructionRecord | None:
        """A recent command of this kind that the vendor confirmed, so that the server's history must show it."""
        rows = await self._database.write(_sql.booked_on, server, kind, seconds=WRITE_SECONDS)
        return instruction_record(rows[0]) if rows else None

    async def make_checkpoint(self) -> bytes | None:
        """The hash of a new checkpoint; None without new events."""
        rows = await self._database.write(_sql.make_checkpoint, seconds=WRITE_SECONDS)
        found: bytes | None = rows[0]["hash"]
        return found
