"""The ledger: every command is stored as an instruction before its first byte is sent."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from core.call import Call
from core.clock import Clock
from core.commands import NO_GUARDS, MoneyGuards
from core.errors import ERP_DATABASE, DatabaseFailure, Unavailable, UpstreamError
from core.keyset import Page, PageRequest, cut_page
from core.records import Failure, InstructionEventRecord, InstructionRecord
from core.visibility import Visibility
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_statements
from upstreams.state.doorbell.doorbell import Bell
from upstreams.state.instruction_rows import instruction_record
from upstreams.state.money_limits import enforce_limits, require_account
from upstreams.state.write_access import WriteAccess

sql = read_statements("state/instructions.sql")

_SYSTEM = ERP_DATABASE

# A statement on one row takes milliseconds. After this time the connection counts as lost.
WRITE_SECONDS = 5.0
# The lease of the process that runs an instruction. The lease is longer than this process may take
# (instructions/dispatcher.py), so that a reconciler takes only the rows of dead processes.
PROCESS_SECONDS = 90.0
_DOUBT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition of an instruction to another status, with the values of the new status."""

    status: str
    actor: str
    note: str | None = None
    server: str | None = None
    login: str | None = None
    upstream_reference: str | None = None
    existed: bool = False
    failure: Failure | None = None

    @property
    def has_vendor_values(self) -> bool:
        """Whether the transition has a vendor's text, which the database may be unable to store."""
        return any((self.server, self.login, self.upstream_reference, self.failure and self.failure.upstream_code))


class Ledger:
    """The table of instructions. Methods raise UpstreamError; its `database_failure` is what the error proves about a
    write.

    After a lost answer, `receive` and `advance` read the row again. They raise LOST only if this read gives no answer
    either. Both may be repeated with the same arguments.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        process_seconds: float = PROCESS_SECONDS,
        ring: Callable[[Bell], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._ring = ring
        self.process_seconds = process_seconds
        self.access = WriteAccess(database, clock)
        alone = timedelta(seconds=process_seconds)
        self._left_alone = {"RECEIVED": alone, "SENT": alone, "UNKNOWN": timedelta(seconds=_DOUBT_SECONDS)}

    async def receive(
        self, draft: InstructionRecord, guards: MoneyGuards = NO_GUARDS
    ) -> tuple[InstructionRecord, bool]:
        """Write the instruction, or find the earlier instruction with its key. The bool is true if the draft was
        written.

        Raises LimitReached if a limit forbids the instruction.
        """
        assert draft.events, "a draft has its first event"
        received = draft.events[0]
        values = (
            *(draft.id, draft.kind, draft.principal, draft.idempotency_key, draft.request_hash, draft.reference),
            *(draft.client_number, draft.agency, draft.server, draft.login, draft.amount, draft.currency),
            *(received.note, msgspec.json.encode(draft.details).decode(), self._left_alone["RECEIVED"]),
            draft.status,
        )

        async def write_down(connection: Any) -> None:
            await connection.fetch(sql.lock_key, draft.principal, draft.idempotency_key)
            await enforce_limits(draft, guards, connection)
            await connection.fetch(sql.receive, *values)

        lost: UpstreamError | None = None
        try:
            await self._database.transact(write_down, seconds=WRITE_SECONDS)
        except UpstreamError as error:
            lost = self._unless_lost(error)
        else:
            self._committed(draft.status)
        found = await self._read_back(draft.principal, draft.idempotency_key)
        if found is None:
            # Because the commit may still be running, only a second `receive` gives the result: it waits for the
            # commit.
            raise lost or _vanished(self._database.label)
        # Concurrent requests with one key have the same id. Only the reference is of one request.
        if found.reference != draft.reference:
            return found, False
        return replace(found, events=(replace(received, at=found.created_at),)), True

    async def approve(
        self, waiting: InstructionRecord, move: Transition, guards: MoneyGuards
    ) -> InstructionRecord | None:
        """The instruction after its approval, which only one caller gets. None: the instruction waits no more.

        Raises LimitReached while another command on the account excludes it. An error never proves that the approval
        was not stored. The instruction is then not sent, and the reconciler rejects it.
        """

        async def write(connection: Any) -> list[Any]:
            await connection.fetch(sql.lock_spenders, waiting.principal, f"{waiting.server}/{waiting.login}")
            await require_account(waiting, guards, connection)
            rows: list[Any] = await connection.fetch(sql.advance, *self._values(waiting, move))
            return rows

        rows = await self._database.transact(write, seconds=WRITE_SECONDS)
        self._committed(move.status)
        return instruction_record(rows[0]) if rows else None

    async def advance(self, instruction: InstructionRecord, move: Transition) -> InstructionRecord:
        """Make the transition. If the instruction already has another status, it is returned unchanged."""
        values = self._values(instruction, move)
        rows, lost = [], None
        try:
            rows = await self._database.write(sql.advance, *values, seconds=WRITE_SECONDS)
        except UpstreamError as error:
            lost = self._unless_lost(error)
        else:
            self._committed(move.status)
        if rows:
            event = InstructionEventRecord(instruction.id, rows[0]["moved_at"], move.status, move.actor, move.note)
            return replace(instruction_record(rows[0]), events=instruction.events and (*instruction.events, event))
        found = await self._read_back(instruction.principal, instruction.idempotency_key)
        if found is None or found.status == instruction.status:
            raise lost or _vanished(self._database.label)
        return found

    def _committed(self, status: str) -> None:
        """Ring after a commit. If the answer to the commit was lost, the next poll finds the event."""
        self.access.granted()
        self._ring(Bell.COMMITTED)
        if status == "UNKNOWN":
            self._ring(Bell.UNSETTLED)

    def _values(self, instruction: InstructionRecord, move: Transition) -> Sequence[Any]:
        """The arguments of the statement `advance`."""
        failure = None if move.failure is None else msgspec.json.encode(move.failure).decode()
        return (
            *(instruction.id, instruction.status, move.status, move.server, move.login, move.upstream_reference),
            *(move.existed, failure, move.actor, move.note, self._left_alone.get(move.status, timedelta())),
        )

    async def _read_back(self, principal: str, key: str) -> InstructionRecord | None:
        """The row after a write. If this read fails, the result of the write is not known."""
        try:
            return await self.by_key(principal, key)
        except UpstreamError as error:
            error.database_failure = DatabaseFailure.LOST
            raise

    async def renew_lease(self, instruction: InstructionRecord) -> None:
        """Renew the lease, so that no reconciler takes the row while its process lives."""
        values = (instruction.id, instruction.status, timedelta(seconds=self.process_seconds))
        await self._database.write(sql.postpone, *values, seconds=WRITE_SECONDS)

    def _unless_lost(self, error: UpstreamError) -> UpstreamError:
        """The error of a write if its answer was lost. Every other error proves that nothing was written."""
        self.access.failed(error)
        if error.database_failure is DatabaseFailure.REFUSED:
            raise self.access.unavailable() from error
        if error.database_failure is not DatabaseFailure.LOST:
            raise error
        return error

    async def by_key(self, principal: str, key: str) -> InstructionRecord | None:
        """The instruction of the principal's idempotency key, read for a command."""
        rows = await self._database.write(sql.by_key, principal, key, seconds=WRITE_SECONDS)
        return instruction_record(rows[0]) if rows else None

    async def by_keys(
        self, principal: str, keys: Sequence[str], visible: Visibility, call: Call
    ) -> dict[str, InstructionRecord]:
        """The instructions of the principal's idempotency keys, read for a query.

        This look-up, `by_ids` and `events` are always current: a caller decides by them whether to repeat a command.
        """
        arguments = (*visible.of_instructions(), principal, keys)
        rows = await self._database.read(sql.by_keys, *arguments, call=call, keys=len(keys), current=True)
        return {row["idempotency_key"]: instruction_record(row) for row in rows}

    async def by_ids(self, ids: Sequence[UUID], visible: Visibility, call: Call) -> dict[UUID, InstructionRecord]:
        own = (*visible.of_instructions(), ids)
        rows = await self._database.read(sql.by_id, *own, call=call, keys=len(ids), current=True)
        return {row["id"]: instruction_record(row) for row in rows}

    async def pages(
        self, numbers: Sequence[int], page: PageRequest, visible: Visibility, call: Call
    ) -> dict[int, Page[InstructionRecord]]:
        """A page of each client's instructions, newest first."""
        statement = sql.pages_backward if page.backward else sql.pages_forward
        after, before = (keys[0] if keys else None for keys in (page.after, page.before))
        rows = await self._database.read(
            statement, *visible.of_instructions(), numbers, after, before, page.limit + 1, call=call, keys=len(numbers)
        )
        found: defaultdict[int, list[InstructionRecord]] = defaultdict(list)
        for row in rows:
            found[row["client_number"]].append(instruction_record(row))
        return {number: cut_page(found[number], page) for number in numbers}

    async def count(self, numbers: Sequence[int], visible: Visibility, call: Call) -> dict[int, int]:
        rows = await self._database.read(
            sql.count_by_client, *visible.of_instructions(), numbers, call=call, keys=len(numbers)
        )
        return dict.fromkeys(numbers, 0) | {row["client_number"]: row["total"] for row in rows}

    async def events(self, ids: Sequence[UUID], call: Call) -> Mapping[UUID, list[InstructionEventRecord]]:
        rows = await self._database.read(sql.events, ids, call=call, keys=len(ids), current=True)
        found: defaultdict[UUID, list[InstructionEventRecord]] = defaultdict(list)
        for row in rows:
            found[row["instruction_id"]].append(InstructionEventRecord(*row))
        return found

    async def expired(self, hours: float, limit: int) -> list[InstructionRecord]:
        """Instructions that have waited longer than this for an approval, oldest first."""
        rows = await self._database.write(sql.expired, timedelta(hours=hours), limit, seconds=WRITE_SECONDS)
        return [instruction_record(row) for row in rows]

    async def open(self, statuses: Sequence[str], limit: int) -> list[InstructionRecord]:
        """Instructions in these statuses, oldest first."""
        rows = await self._database.write(sql.open, statuses, limit, seconds=WRITE_SECONDS)
        return [instruction_record(row) for row in rows]


def _vanished(label: str) -> Unavailable:
    """The error for a written row that cannot be read, because another server has answered."""
    error = Unavailable("The instruction cannot be read back.", system=_SYSTEM, name=label)
    error.database_failure = DatabaseFailure.LOST
    return error
