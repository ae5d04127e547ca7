"""What a vendor's API can do, one port each. A port that is None is a capability that the vendor does not document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.call import Call
from core.commands import AccountRequestCommand, DepositCommand, DepositReceipt, NewAccountCommand, NewAccountReceipt
from core.errors import System, UpstreamError
from core.records import LiveAccountRecord, LiveClientRecord
from core.secret import Secret

LiveAnswer = Mapping[str, LiveAccountRecord | UpstreamError | None]
"""By login. None: the server answered and does not know the login. An error: that login could not be asked."""


class LiveFigures(Protocol):
    """Reads what the trading server says of its accounts right now."""

    @property
    def batch_max(self) -> int:
        """How many logins one call carries; 1 where the vendor has no batch form."""
        ...

    async def fetch(self, logins: Sequence[str], wanted: frozenset[str], call: Call) -> LiveAnswer:
        """Ask for the logins in as few calls as the vendor allows. `wanted` are LiveAccountRecord field names: what
        costs a further call (equity, margin, free_margin, margin_level) is fetched only when named, and whatever else
        is not named may be None. Answers for every login asked; matched by key. Never raises UpstreamError for a single
        chunk: that chunk's logins carry it.
        """
        ...

    async def aclose(self) -> None:
        """Cancel the shared calls that still run."""
        ...


class Deposits(Protocol):
    """Puts money on an account.

    `send` raises Unavailable only when nothing was sent, Rejected for a final no, OutcomeUnknown for everything that
    may have been applied. A write is never repeated unless the vendor documents that the repeat is harmless.
    """

    async def prepare(self, command: DepositCommand, call: Call) -> "PreparedDeposit":
        """Have token and body ready and send nothing. Raises Rejected or Unavailable."""
        ...


class DepositHistory(Protocol):
    """Searches the vendor's books for a deposit. Without it, an account takes one open deposit at a time."""

    @property
    def absence_counts_after(self) -> float:
        """Seconds since SENT: the vendor's longest deadline, what lies between, and a margin. Not before."""
        ...

    async def find(self, command: DepositCommand, sent_at: datetime, call: Call) -> DepositReceipt | None:
        """Search the vendor's history for the order's reference, never for its amount.

        None: the history was read whole for the time in question and does not have the reference. Unavailable or
        Misunderstood: it could not be read. An operation with our reference and another amount or login is
        Misunderstood: a person must look.
        """
        ...


class Accounts(Protocol):
    """Creates accounts on the trading server. Failures mean what they mean for Deposits."""

    async def prepare(self, command: NewAccountCommand, call: Call) -> "PreparedAccount":
        """Have token and body ready and send nothing. Raises Rejected or Unavailable."""
        ...


class AccountHistory(Protocol):
    """Searches the trading server's list of accounts for a new one."""

    @property
    def absence_counts_after(self) -> float:
        """Seconds since SENT, as for deposits."""
        ...

    async def find(self, command: NewAccountCommand, sent_at: datetime, call: Call) -> NewAccountReceipt | None:
        """The same for a new account. One that is found without a password is given one that nobody is shown, so the
        receipt's `initial_password` is always None; OutcomeUnknown where that second step failed, with the login.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One trading server (an entry of [servers]) as seen through one vendor's API.

    `deposits` and `accounts` are None, too, where the operator has not switched them on. The histories do not depend
    on that: an order that was sent before can still be found.
    """

    name: str
    system: System
    live: LiveFigures | None = None
    deposits: Deposits | None = None
    deposit_history: DepositHistory | None = None
    accounts: Accounts | None = None
    account_history: AccountHistory | None = None

    async def aclose(self) -> None:
        if self.live is not None:
            await self.live.aclose()


class PreparedDeposit(Protocol):
    """Ready to go: the instruction is marked SENT between `prepare` and `send`, as late as can be."""

    async def send(self) -> DepositReceipt: ...


class PreparedAccount(Protocol):
    """The same for a new account."""

    async def send(self) -> NewAccountReceipt: ...


class PreparedRequest(Protocol):
    """The same for a request to open an account."""

    async def send(self) -> None: ...


class ErpApi(Protocol):
    """The ERP's own API: a client's live balance, and an account whose server the ERP chooses."""

    @property
    def system(self) -> System: ...

    async def client_balance(self, client_number: int, api_password: Secret, call: Call) -> LiveClientRecord:
        """One client per call."""
        ...

    async def prepare_account(self, client_number: int, api_password: Secret, call: Call) -> PreparedAccount:
        """A new account, or the one that the client has: repeating it is harmless."""
        ...


class Crm(Protocol):
    """The CRM: requests to open an account, which people approve there."""

    async def prepare_request(self, command: AccountRequestCommand, call: Call) -> PreparedRequest:
        """Have the request ready and send nothing."""
        ...

    async def reconcile_request(self, command: AccountRequestCommand, call: Call) -> None:
        """Ask again after a lost answer; returns when a request is in, else raises Rejected or OutcomeUnknown."""
        ...
