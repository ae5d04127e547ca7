"""The capability ports of a vendor's API. A port is None if the vendor does not document the capability."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol, TypeVar

from core.call import Call
from core.commands import (
    AccountRequestCommand,
    DepositCommand,
    MoneyCommand,
    MoneyReceipt,
    NewAccountCommand,
    NewAccountReceipt,
    WithdrawalCommand,
)
from core.errors import System, UpstreamError
from core.records import LiveAccountRecord, LiveClientRecord
from core.secret import Secret
from upstreams.vendors.kit.trade_ports import BooksCheck, ClosedTrades, DailyReports, OpenPositions

T_co = TypeVar("T_co", covariant=True)
LiveAnswer = Mapping[str, LiveAccountRecord | UpstreamError | None]
"""By login. None: the server answered and does not know the login. An error: the server gave no answer for the
login.
"""


class LiveFigures(Protocol):
    """Reads the live figures of a trading server's accounts."""

    @property
    def batch_max(self) -> int:
        """The number of logins in one call: 1 if the vendor has no batch call."""
        ...

    async def fetch(self, logins: Sequence[str], wanted: frozenset[str], call: Call) -> LiveAnswer:
        """Fetch the logins in as few calls as the vendor allows. The answer has every login.

        `wanted` are field names of LiveAccountRecord. Figures of further calls (equity, margin, free_margin,
        margin_level) are fetched only if they are wanted. Other unwanted figures may be None. A failed chunk raises
        nothing: its error is the answer for each of its logins.
        """
        ...

    async def aclose(self) -> None:
        """Cancel the shared calls that still run."""
        ...


class Prepared(Protocol[T_co]):
    """A prepared write, of which only `send` is left. The instruction is marked SENT right before `send`."""

    async def send(self) -> T_co: ...


class Deposits(Protocol):
    """Puts money on an account.

    `send` raises Unavailable only if nothing was sent, Rejected for a final refusal, and OutcomeUnknown if the command
    may have been applied. A write is repeated only if the vendor documents that the repeat is harmless.
    """

    async def prepare(self, command: DepositCommand, call: Call) -> Prepared[MoneyReceipt]:
        """Get token and body ready and send nothing. Raises Rejected or Unavailable."""
        ...


class Withdrawals(Protocol):
    """Takes money off an account. It raises the errors of Deposits, with the same meaning."""

    async def prepare(self, command: WithdrawalCommand, call: Call) -> Prepared[MoneyReceipt]:
        """Check the funds and get the request ready. Sends nothing. Raises Rejected or Unavailable."""
        ...

    async def require_funds(self, command: WithdrawalCommand, call: Call) -> None:
        """Raise Rejected with INSUFFICIENT_FUNDS if the account has too little money. A vendor that checks the funds
        itself has nothing to do here.
        """
        ...

    async def balance(self, login: str, call: Call) -> Decimal | None:
        """The account's balance now; None if the vendor documents no call for one account."""
        ...


class MoneyHistory(Protocol):
    """Searches the vendor's history for a deposit or withdrawal. Without a history, an account can have one open
    command of each kind at a time.
    """

    @property
    def absence_counts_after(self) -> float:
        """Seconds since SENT after which a missing operation is not booked: the vendor's longest deadline and
        margins.
        """
        ...

    async def find(self, command: MoneyCommand, sent_at: datetime, call: Call) -> MoneyReceipt | None:
        """Search the vendor's history for the command's reference, never for its amount.

        None: the whole history of the time in question does not have the reference. Raises Unavailable or Misunderstood
        if the history cannot be read. Raises Misunderstood for an operation with our reference and another amount or
        login, so that a person decides.
        """
        ...


class Accounts(Protocol):
    """Creates accounts on the trading server. It raises the errors of Deposits, with the same meaning."""

    async def prepare(self, command: NewAccountCommand, call: Call) -> Prepared[NewAccountReceipt]:
        """Get token and body ready and send nothing. Raises Rejected or Unavailable."""
        ...


class AccountHistory(Protocol):
    """Searches the trading server's list of accounts for a new account."""

    @property
    def absence_counts_after(self) -> float:
        """Seconds since SENT after which a missing account was not created, as for deposits."""
        ...

    async def find(self, command: NewAccountCommand, sent_at: datetime, call: Call) -> NewAccountReceipt | None:
        """Search for the new account, as MoneyHistory does for a deposit.

        If the found account has no password, it gets a password that is not shown, so that the receipt's
        `initial_password` is always None. Raises OutcomeUnknown with the login if this second step fails.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One trading server (an entry of [servers]) behind one vendor's API.

    `deposits`, `withdrawals` and `accounts` are also None if the operator has not switched them on. The histories do
    not depend on
    this switch, so that earlier commands are still found.
    """

    name: str
    system: System
    live: LiveFigures | None = None
    deposits: Deposits | None = None
    withdrawals: Withdrawals | None = None
    money_history: MoneyHistory | None = None
    accounts: Accounts | None = None
    account_history: AccountHistory | None = None
    open_positions: OpenPositions | None = None
    closed_trades: ClosedTrades | None = None
    daily_reports: DailyReports | None = None
    books_check: BooksCheck | None = None

    async def aclose(self) -> None:
        for port in (self.live, self.open_positions):
            if port is not None:
                await port.aclose()


class ErpApi(Protocol):
    """The ERP's own API: a client's live balance, and new accounts on a server that the ERP chooses."""

    @property
    def system(self) -> System: ...

    async def client_balance(self, client_number: int, api_password: Secret, call: Call) -> LiveClientRecord:
        """One client per call."""
        ...

    async def prepare_account(
        self, client_number: int, api_password: Secret, call: Call
    ) -> Prepared[NewAccountReceipt]:
        """Prepare a new account. A repeat is harmless, because it returns the existing account of the client."""
        ...


class Crm(Protocol):
    """The CRM: account requests, which people approve there."""

    async def prepare_request(self, command: AccountRequestCommand, call: Call) -> Prepared[None]:
        """Get the request ready and send nothing."""
        ...

    async def reconcile_request(self, command: AccountRequestCommand, call: Call) -> None:
        """Send the request again after a lost answer. Raises Rejected or OutcomeUnknown if the CRM has no request."""
        ...
