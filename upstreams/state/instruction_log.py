"""The log: the events of all instructions in one order, with consecutive numbers.

Invariants:
- An event gets its number after its transaction is committed. No event appears below a number that was read.
- The numbers of one epoch have no gap. After a restored backup the log has a new epoch.
"""

import math
from collections.abc import Hashable, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from cachetools import TTLCache

from core.call import Call
from core.records import InstructionEventRecord, InstructionRecord
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_parts, read_statements
from upstreams.state.instruction_rows import instruction_record
from upstreams.state.instructions import WRITE_SECONDS

_sql = read_statements("state/instruction_log.sql", columns=read_parts("state/instructions.sql")["columns"])
_NUMBERED_AT_ONCE: Final = 1000
_FORGOTTEN_AT_ONCE: Final = 5000
_SHARED_SECONDS: Final = 1.0


class LogPosition(NamedTuple):
    """A place in the log: all events up to the number `seq` of this epoch are before it."""

    epoch: UUID
    seq: int


def _answers() -> MutableMapping[Hashable, Any]:
    return TTLCache(math.inf, _SHARED_SECONDS)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One event in the log, and its instruction when the log was read."""

    seq: int
    event: InstructionEventRecord
    instruction: InstructionRecord
    answers: MutableMapping[Hashable, Any] = field(default_factory=_answers, compare=False, repr=False)
    """The answers that were made of the entry in the last second, for other streams of the same kind. An entry may wait
    for a slow reader much longer.
    """


class LogPage(NamedTuple):
    """Consecutive entries, and the log's end and its last removed number at that moment."""

    head: LogPosition
    forgotten: int
    entries: Sequence[LogEntry]


class InstructionLog:
    """The log in the state database. Raises UpstreamError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take_lease(self, process: str, lease: timedelta) -> bool:
        """Whether this process is the sequencer until the lease ends. The lease only saves work: two sequencers do no
        harm.
        """
        return bool(await self._database.write(_sql.take_lease, process, lease, seconds=WRITE_SECONDS))

    async def give_up_lease(self, process: str) -> None:
        await self._database.write(_sql.give_up_lease, process, seconds=WRITE_SECONDS)

    async def number(self) -> int:
        """Give the committed events their numbers. Returns how many got one."""
        [row] = await self._database.write(_sql.has_work, seconds=WRITE_SECONDS)
        if not row["has_work"]:
            return 0
        [row] = await self._database.write(_sql.number, _NUMBERED_AT_ONCE, seconds=WRITE_SECONDS)
        return int(row["numbered"])

    async def head(self) -> tuple[LogPosition, int]:
        """The log's end, and its last removed number."""
        [row] = await self._database.write(_sql.head, seconds=WRITE_SECONDS)
        return LogPosition(row["epoch"], row["seq"]), row["forgotten"]

    async def end(self, call: Call) -> LogPosition:
        """The log's end for a query. A replica answers if it answers lists, because each event before the end has to be
        in a list that is read afterwards.
        """
        [row] = await self._database.read(_sql.head, call=call)
        return LogPosition(row["epoch"], row["seq"])

    async def read(self, after: int, most: int) -> LogPage:
        """At most `most` entries after the number."""
        rows = await self._database.write(_sql.read, after, most, seconds=WRITE_SECONDS)
        head = LogPosition(rows[0]["epoch"], rows[0]["head"])
        return LogPage(head, rows[0]["forgotten"], [_entry(row) for row in rows if row["seq"] is not None])

    async def forget(self, after: timedelta) -> None:
        """Remove the entries that are older. An event itself is never removed, and its instruction has it."""
        while await self._database.write(_sql.forget, after, _FORGOTTEN_AT_ONCE, seconds=WRITE_SECONDS):
            pass


def _entry(row: Any) -> LogEntry:
    event = InstructionEventRecord(
        row["id"], row["event_at"], row["event_status"], row["event_actor"], row["event_note"]
    )
    return LogEntry(row["seq"], event, instruction_record(row))
