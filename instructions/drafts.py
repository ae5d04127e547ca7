"""Instructions before their row exists: the identity and the values of the row."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import msgspec

from core.call import Call
from core.commands import NO_GUARDS, MoneyGuards, MoneyReceipt, NewAccountReceipt
from core.money import format_amount
from core.records import ClientRecord, InstructionEventRecord, InstructionRecord
from core.visibility import Visibility
from instructions.vendor_commands import Command, columns

_NO_VALUES: dict[str, Any] = {
    **dict.fromkeys(("server", "login", "amount", "currency", "upstream_reference", "failure")),
    "existed": False,
    "details": {},
}


class Prepared(Protocol):
    """A command that is ready to be sent."""

    async def send(self) -> MoneyReceipt | NewAccountReceipt | None: ...


Prepare = Callable[[Call], Awaitable[Prepared]]


class Identity(NamedTuple):
    """The identity of a new instruction.

    The identity stays the same when the row is written again, so that a repeat after a lost answer is harmless. The id
    follows from the principal and the key: a caller whose deadline passes while a concurrent request with the same key
    is written gets the id of the row that will exist. The reference is random and tells the two requests apart.
    """

    id: UUID
    reference: str
    created_at: datetime

    @classmethod
    def new(cls, principal: str, idempotency_key: str, now: datetime) -> "Identity":
        return cls(_id_of(principal, idempotency_key), _new_reference(), now)


@dataclass(frozen=True, slots=True)
class CheckedCommand:
    """A command that has passed its checks: its client, the command to store, the function that prepares it, its
    limits,
    and whether another principal must approve it.
    """

    client: ClientRecord
    command: Command | None
    prepare: Prepare
    guards: MoneyGuards = NO_GUARDS
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """One mutation as requested.

    `meaning` is the input without the key: the values by which two requests are equal. `visible` is the caller's
    visibility.
    """

    identity: Identity
    kind: str
    principal: str
    idempotency_key: str
    meaning: Mapping[str, Any]
    visible: Visibility

    def may_see(self, instruction: InstructionRecord) -> bool:
        return self.visible.includes(instruction)

    def draft(self, checked: CheckedCommand) -> InstructionRecord:
        """The instruction with the values of its row."""
        number, reference, created_at = self.identity
        values = _NO_VALUES | columns(checked.command)
        status = "NEEDS_APPROVAL" if checked.needs_approval else "RECEIVED"
        event = InstructionEventRecord(number, created_at, status, self.principal, values.pop("note", None))
        return InstructionRecord(
            id=number,
            kind=self.kind,
            status=status,
            principal=self.principal,
            idempotency_key=self.idempotency_key,
            request_hash=request_hash(self.kind, self.meaning),
            reference=reference,
            client_number=checked.client.client_number,
            agency=checked.client.agency,
            **values,
            created_at=created_at,
            number=0,
            sent_at=None,
            settle_attempts=0,
            events=(event,),
        )


def late(draft: InstructionRecord) -> InstructionRecord:
    """The draft of an instruction that is written after its caller was answered, and then refused. The ledger's rule of
    one open withdrawal for each account does not apply to it.

    It does not wait for an approval, so that the reconciler rejects it if its process ends before the refusal.
    """
    if draft.kind != "WITHDRAWAL":
        return draft
    events = tuple(replace(event, status="RECEIVED") for event in draft.events or ())
    return replace(draft, status="RECEIVED", events=events, details={**draft.details, "late": True})


def is_written_late(instruction: InstructionRecord) -> bool:
    """Whether the row of a withdrawal was written after its caller was answered."""
    return "late" in instruction.details


def request_hash(kind: str, meaning: Mapping[str, Any]) -> bytes:
    """A hash that is equal for equal meanings. Numbers are compared by value ("5" equals "5.00")."""
    canonical = {key: _canonical(value) for key, value in sorted(meaning.items()) if value is not None}
    return hashlib.sha256(msgspec.json.encode([kind, canonical], order="sorted")).digest()


def _canonical(value: Any) -> Any:
    return format_amount(value.normalize()) if isinstance(value, Decimal) else value


def _new_reference() -> str:
    """A random, unique reference that fits every vendor's comment (31 ASCII characters at most)."""
    return f"bg{secrets.token_hex(14)}"


def _id_of(principal: str, idempotency_key: str) -> UUID:
    """A UUID of version 8 (RFC 9562). A key has no null character, so that no two pairs have one text."""
    digest = bytearray(hashlib.sha256(f"{principal}\0{idempotency_key}".encode("utf-8", "surrogatepass")).digest()[:16])
    digest[6], digest[8] = 0x80 | digest[6] & 0x0F, 0x80 | digest[8] & 0x3F
    return UUID(bytes=bytes(digest))
