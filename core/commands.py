"""Commands to vendors, and the receipts that vendors give for them."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class MoneyCommand:
    """Move `amount` (> 0, within the currency's quantum) on or off the account `login` of the trading server `server`.

    `reference` has at most 31 ASCII characters, and the whole reference goes into the vendor's comment.
    `idempotency_key` is sent if the vendor has such a header. `note` is the caller's remark, which is stored with the
    instruction but not sent.
    """

    server: str
    login: str
    amount: Decimal
    currency: str
    reference: str
    idempotency_key: str
    note: str | None = None

    @property
    def meaning(self) -> dict[str, Any]:
        """The values by which two commands are equal, by the name of the instruction's column."""
        return {
            "server": self.server,
            "login": self.login,
            "amount": self.amount,
            "currency": self.currency,
            "note": self.note,
        }

    @property
    def change(self) -> Decimal:
        """The change of the account's balance: below zero for a withdrawal."""
        raise NotImplementedError


class DepositCommand(MoneyCommand):
    """Put money on the account."""

    __slots__ = ()

    @property
    def change(self) -> Decimal:
        return self.amount


class WithdrawalCommand(MoneyCommand):
    """Take money off the account."""

    __slots__ = ()

    @property
    def change(self) -> Decimal:
        return -self.amount


@dataclass(frozen=True, slots=True)
class MoneyGuards:
    """The checks of the ledger for one deposit or withdrawal. None: no limit.

    `one_open_per_account`: the server's history could not tell two open commands of this kind apart.
    `apart`: a withdrawal and a deposit of one account exclude each other while they are sent, because the margin is
    read before the withdrawal.
    """

    daily_per_caller: Decimal | None = None
    daily_per_account: Decimal | None = None
    one_open_per_account: bool = False
    apart: bool = False


NO_GUARDS = MoneyGuards()


@dataclass(frozen=True, slots=True)
class MoneyReceipt:
    """The vendor booked the deposit or withdrawal.

    `upstream_reference` is the vendor's ticket; None if it gives no ticket.
    """

    upstream_reference: str | None


@dataclass(frozen=True, slots=True)
class NewAccountCommand:
    """Make an account for a client. `name` is the client's full name; leverage None leaves the group's default."""

    server: str
    group: str
    name: str
    leverage: Decimal | None
    email: str | None = field(repr=False)
    reference: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class NewAccountReceipt:
    """The vendor has the account. `existed` is true if the client already had this account."""

    server: str
    login: str
    existed: bool = False
    initial_password: str | None = None
    platform: str | None = None
    status: int | None = None
    group: str | None = None
    currency: str | None = None
    balance: Decimal | None = None

    def __repr__(self) -> str:
        return f"NewAccountReceipt(server={self.server!r}, login={self.login!r}, existed={self.existed!r})"


@dataclass(frozen=True, slots=True)
class AccountRequestCommand:
    """A request to open an account, with the values of the CRM's API."""

    user_id: str
    connection_id: str
    platform: str
    leverage: Decimal | None = None
    account_type_id: str | None = None
    offer_uuid: str | None = None
    group: str | None = None
    currency: str | None = None
    fortex_username: str | None = None

    @property
    def meaning(self) -> dict[str, Any]:
        """The values by which two requests are equal: every field by its name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
