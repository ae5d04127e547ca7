"""The ledger's own limits on deposits, held in the very transaction that writes a deposit down."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from core.errors import Reason
from core.money import plain
from upstreams.postgres.sql import read_statements

sql = read_statements("state/instructions.sql")


@dataclass(frozen=True, slots=True)
class DepositGuards:
    """What a deposit is held against. None: no limit."""

    daily_per_caller: Decimal | None = None
    daily_per_account: Decimal | None = None
    one_open_per_account: bool = False


NO_GUARDS = DepositGuards()


class DepositLike(Protocol):
    """What a new instruction has to say for itself."""

    @property
    def principal(self) -> str: ...
    @property
    def idempotency_key(self) -> str: ...
    @property
    def server(self) -> str | None: ...
    @property
    def login(self) -> str | None: ...
    @property
    def amount(self) -> Decimal | None: ...
    @property
    def currency(self) -> str | None: ...
    @property
    def guards(self) -> DepositGuards: ...


class NotAccepted(Exception):
    """The ledger's own limits forbid it; nothing was written down."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


async def hold_against(new: DepositLike, connection: Any) -> None:
    """Raise NotAccepted where the caller's or the account's limits would be passed by this deposit."""
    guards = new.guards
    if new.amount is None or guards == NO_GUARDS:
        return
    account = f"{new.server}/{new.login}"
    await connection.fetch(sql.lock_spenders, new.principal, account)
    if await connection.fetch(sql.by_key, new.principal, new.idempotency_key):
        # A twin was faster; it is counted already, and this one will not be written down.
        return
    spent = await connection.fetchrow(sql.spent_today, new.principal, new.server, new.login, new.currency)
    if guards.one_open_per_account and spent["open_on_account"]:
        message = (
            "Another deposit on this account is not settled yet, and its server's history could not tell them apart."
        )
        raise NotAccepted(Reason.REQUEST_ALREADY_PENDING, message)
    for limit, already, whose in (
        (guards.daily_per_caller, spent["by_caller"], "caller's"),
        (guards.daily_per_account, spent["on_account"], "account's"),
    ):
        if limit is not None and already + new.amount > limit:
            message = f"This would pass the {whose} limit of {plain(limit)} {new.currency} a day."
            raise NotAccepted(Reason.LIMIT_EXCEEDED, message)
