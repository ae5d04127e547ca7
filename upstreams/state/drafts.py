"""New instructions before their row exists: what a caller requests, and the identity that the row will have."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from core.money import format_amount
from core.records import InstructionEventRecord, InstructionRecord
from upstreams.state.deposit_limits import NO_GUARDS, DepositGuards


@dataclass(frozen=True, slots=True)
class NewInstruction:
    """What is asked, by whom, for which client. `meaning` is all that makes two requests the same one; `details` is
    the vendor's order as far as the columns do not hold it, for whoever has to find or finish it later.
    """

    kind: str
    principal: str
    idempotency_key: str
    client_number: int
    agency: int
    meaning: Mapping[str, Any] = field(repr=False)
    server: str | None = None
    login: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    note: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    guards: DepositGuards = NO_GUARDS


@dataclass(frozen=True, slots=True)
class Draft:
    """A new instruction with its identity, before its row is known to exist.

    The identity stays the same when the row is written again, so that a repeat after a lost answer is harmless.
    """

    new: NewInstruction
    id: UUID
    reference: str
    created_at: datetime

    @classmethod
    def of(cls, new: NewInstruction, now: datetime) -> "Draft":
        """Give a new instruction its identity."""
        return cls(new, _uuid7(now), _new_reference(), now)

    @property
    def record(self) -> InstructionRecord:
        """The instruction as the row will have it."""
        new = self.new
        event = InstructionEventRecord(self.id, self.created_at, "RECEIVED", new.principal, new.note)
        return InstructionRecord(
            id=self.id,
            kind=new.kind,
            status="RECEIVED",
            principal=new.principal,
            idempotency_key=new.idempotency_key,
            request_hash=request_hash(new.kind, new.meaning),
            reference=self.reference,
            client_number=new.client_number,
            agency=new.agency,
            server=new.server,
            login=new.login,
            amount=new.amount,
            currency=new.currency,
            upstream_reference=None,
            existed=False,
            failure=None,
            created_at=self.created_at,
            number=0,
            details=new.details,
            sent_at=None,
            settle_attempts=0,
            events=(event,),
        )


def request_hash(kind: str, meaning: Mapping[str, Any]) -> bytes:
    """A hash that is equal for equal meanings. Equal numbers are equal in every notation ("5" and "5.00")."""
    canonical = {key: _canonical(value) for key, value in sorted(meaning.items()) if value is not None}
    return hashlib.sha256(msgspec.json.encode([kind, canonical], order="sorted")).digest()


def _canonical(value: Any) -> Any:
    return format_amount(value.normalize()) if isinstance(value, Decimal) else value


def _new_reference() -> str:
    """A random, unique reference that fits every vendor's comment (31 ASCII characters at most)."""
    return f"bg{secrets.token_hex(14)}"


def _uuid7(now: datetime) -> UUID:
    """A UUID that is ordered by time (RFC 9562), so that the primary key's index grows at its end."""
    milliseconds = int(now.timestamp() * 1000)
    value = (milliseconds << 80) | (0x7 << 76) | (secrets.randbits(12) << 64) | (0b10 << 62) | secrets.randbits(62)
    return UUID(int=value)
