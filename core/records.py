"""Records of the upstreams' answers: typed and exact.

Money is Decimal, times are aware UTC, logins are text. Types of the graph publish records field by field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from core.errors import Reason, System, UpstreamError


class Row(msgspec.Struct, frozen=True, gc=False):
    """A record for answers with thousands of records.

    C code creates and frees such a record without the garbage collector. Its values must therefore not refer to the
    record.
    """


class ClientName(Row, frozen=True):
    """A client with only its number."""

    client_number: int


class AccountKey(Row, frozen=True):
    """The key of an account, because a login is unique only on its server. It is also the record of an account with
    only its key.
    """

    server: str
    login: str

    @property
    def key(self) -> "AccountKey":
        return self


class ClientRecord(Row, frozen=True):
    """A row of `brokergraph_erp.client`."""

    client_number: int
    full_name: str | None
    email: str | None
    agency: int
    erp_status: int
    erp_status_text: str | None
    identity_locked: bool
    crm_user_id: str | None

    def __repr__(self) -> str:
        return f"ClientRecord(client_number={self.client_number})"


class WebStatusRecord(Row, frozen=True):
    """A row of `brokergraph_erp.web_status`."""

    client_number: int
    web_status: int
    web_status_text: str | None


class AccountRecord(Row, frozen=True):
    """A row of `brokergraph_erp.trading_account`: the ERP's copy of an account, as of `synced_at`."""

    server: str
    login: str
    client_number: int
    platform: str
    status: int
    group_name: str | None
    currency: str | None
    balance: Decimal | None
    equity: Decimal | None
    margin: Decimal | None
    synced_at: datetime | None

    @property
    def key(self) -> AccountKey:
        return AccountKey(self.server, self.login)


class BalanceRecord(Row, frozen=True):
    """A client's balance in one currency. `value` is in the `accounting_currency`; None without a current rate."""

    client_number: int
    currency: str
    balance: Decimal
    cash: Decimal
    value: Decimal | None
    accounting_currency: str | None


class LiveAccountRecord(Row, frozen=True):
    """The live figures of an account. A figure is None if the vendor does not have it."""

    login: str
    observed_at: datetime
    system: System
    balance: Decimal | None = None
    credit: Decimal | None = None
    equity: Decimal | None = None
    margin: Decimal | None = None
    free_margin: Decimal | None = None
    margin_level: Decimal | None = None
    group: str | None = None
    leverage: Decimal | None = None
    max_leverage: Decimal | None = None
    currency: str | None = None
    enabled: bool | None = None
    read_only: bool | None = None
    send_reports: bool | None = None
    lead_source: str | None = None
    owner_id: str | None = None
    account_type: str | None = None
    total_margin_calculation: str | None = None
    swap_free: bool | None = None
    french_risk: bool | None = None
    registered_at: datetime | None = None


class LiveBalance(Row, frozen=True):
    """One currency in the answer of the ERP's own API."""

    currency: str
    balance: Decimal
    cash: Decimal
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class LiveClientRecord:
    """The live answer of the ERP's own API. An absent value is None: an answer with code 1 may have none.

    Balances or a total that cannot be read are an error.
    """

    client_number: int
    response_code: int
    erp_status: int | None
    erp_status_text: str | None
    web_status: int | None
    web_status_text: str | None
    agency: int | None
    balances: tuple[LiveBalance, ...] | UpstreamError | None
    accounting_currency: str | None
    total_floating_balance: Decimal | UpstreamError | None
    observed_at: datetime


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The reason of a refusal, as in the graph's MutationError. It is stored as JSON with the instruction."""

    code: Reason
    message: str
    retry: Literal["SAME_KEY", "NEW_KEY", "AFTER_DELAY", "NEVER"]
    upstream_code: str | None = None
    system: System | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class InstructionRecord:
    """A row of `brokergraph.instruction`."""

    id: UUID
    kind: str
    status: str
    principal: str
    idempotency_key: str
    request_hash: bytes
    reference: str
    client_number: int
    agency: int
    server: str | None
    login: str | None
    amount: Decimal | None
    currency: str | None
    upstream_reference: str | None
    existed: bool
    failure: Failure | None
    created_at: datetime
    number: int
    details: Mapping[str, Any] = field(repr=False)
    sent_at: datetime | None
    settle_attempts: int
    events: "tuple[InstructionEventRecord, ...] | None" = field(default=None, compare=False)
    """All events of the instruction, if this process wrote all of them. The database is then not read."""

    @property
    def is_open(self) -> bool:
        """Whether the instruction has no final outcome yet."""
        return self.status not in ("CONFIRMED", "REJECTED")


@dataclass(frozen=True, slots=True)
class InstructionEventRecord:
    """A row of `brokergraph.instruction_event`."""

    instruction_id: UUID
    at: datetime
    status: str
    actor: str
    note: str | None
