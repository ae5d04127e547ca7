"""The protocol that every trading server keeps, whatever vendor stands in front of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Protocol

from core.call import Call
from core.commands import DepositOrder, DepositReceipt, NewAccountOrder, NewAccountReceipt
from core.errors import System, UpstreamError
from core.records import LiveAccountRecord

LiveAnswer = Mapping[str, LiveAccountRecord | UpstreamError | None]
"""By login. None: the server answered and does not know the login. An error: that login could not be asked."""


@dataclass(frozen=True, slots=True)
class DepositPolicy:
    """What a vendor's deposit call lets us know, in seconds since SENT."""

    finds_by_reference: bool
    """Its history can be searched for our reference."""
    absence_counts_after: float
    """Not before: the vendor's longest deadline, what lies between, and a margin."""
    one_open_per_account: bool
    """There is no usable reference: one open instruction per account at a time."""


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """The same for the creation of an account."""

    finds_by_reference: bool
    absence_counts_after: float


NO_DEPOSITS = DepositPolicy(finds_by_reference=False, absence_counts_after=inf, one_open_per_account=True)
NO_ACCOUNTS = AccountPolicy(finds_by_reference=False, absence_counts_after=inf)


class Platform(Protocol):
    """One trading server (an entry of [servers]) as seen through one vendor's API.

    Writes raise Unavailable only when nothing was sent, Rejected for a final no, OutcomeUnknown for everything that may
    have been applied. They are never repeated by the adapter unless the vendor documents that the repeat is harmless.
    """

    name: str
    system: System
    batch_max: int
    """How many logins one live call carries; 1 where the vendor has no batch form."""
    can_create_accounts: bool
    can_deposit: bool
    has_live_figures: bool
    deposit_policy: DepositPolicy
    account_policy: AccountPolicy

    async def live(self, logins: Sequence[str], wanted: frozenset[str], call: Call) -> LiveAnswer:
        """Ask for the logins in as few calls as the vendor allows. `wanted` are LiveAccountRecord field names: what
        costs a further call (equity, margin, free_margin, margin_level) is fetched only when named, and whatever else
        is not named may be None. Answers for every login asked; matched by key. Never raises UpstreamError for a single
        chunk: that chunk's logins carry it.
        """
        ...

    async def aclose(self) -> None:
        """End what is still under way on nobody's behalf."""
        ...

    async def prepare_deposit(self, order: DepositOrder, call: Call) -> "PreparedDeposit":
        """Have token and body ready, sending nothing; Rejected(NOT_SUPPORTED) or Unavailable if that cannot be had."""
        ...

    async def prepare_account(self, order: NewAccountOrder, call: Call) -> "PreparedAccount":
        """The same for account creation."""
        ...

    async def find_deposit(self, order: DepositOrder, sent_at: datetime, call: Call) -> DepositReceipt | None:
        """Search the vendor's history for the order's reference, never for its amount.

        None: the history was read whole for the time in question and does not have the reference. Unavailable or
        Misunderstood: it could not be read. Rejected(NOT_SUPPORTED): there is none. An operation with our reference and
        another amount or login is Misunderstood: a person must look.
        """
        ...

    async def find_account(self, order: NewAccountOrder, sent_at: datetime, call: Call) -> NewAccountReceipt | None:
        """The same for a new account. One that is found without a password is given one that nobody is shown, so the
        receipt's `initial_password` is always None; OutcomeUnknown where that second step failed, with the login.
        """
        ...


class PreparedDeposit(Protocol):
    """Ready to go: the instruction is marked SENT between `prepare` and `send`, as late as can be."""

    async def send(self) -> DepositReceipt: ...


class PreparedAccount(Protocol):
    async def send(self) -> NewAccountReceipt: ...
