"""Limits of deposits and withdrawals, enforced by the ledger in the transaction that writes the row."""

from typing import Any, Final

from core.commands import NO_GUARDS, MoneyGuards
from core.errors import Reason
from core.money import format_amount
from core.records import InstructionRecord
from upstreams.postgres.sql import read_statements

_sql = read_statements("state/instructions.sql")


_NAMES: Final = {"DEPOSIT": "deposit", "WITHDRAWAL": "withdrawal"}
_ANOTHER: Final = {
    "DEPOSIT": "Another deposit on this account is still open, and the history of its server could not tell the two "
    "apart.",
    "WITHDRAWAL": "Another withdrawal from this account is still open, and the margin does not show it yet.",
}


class LimitReached(Exception):
    """A limit of the ledger forbids the deposit or withdrawal. No row was written."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


async def enforce_limits(new: InstructionRecord, guards: MoneyGuards, connection: Any) -> None:
    """Raise LimitReached if this deposit or withdrawal would exceed a limit of the caller or of the account."""
    if new.amount is None or guards == NO_GUARDS:
        return
    await connection.fetch(_sql.lock_spenders, new.principal, f"{new.server}/{new.login}")
    if await connection.fetch(_sql.by_key, new.principal, new.idempotency_key):
        # A concurrent request with the same key was faster. It is already counted, and this row will not be written.
        return
    await require_account(new, guards, connection)
    if guards.daily_per_caller is None and guards.daily_per_account is None:
        return
    values = (new.principal, new.server, new.login, new.currency, new.kind)
    spent = await connection.fetchrow(_sql.spent_today, *values)
    what = _NAMES[new.kind]
    for limit, already, owner in (
        (guards.daily_per_caller, spent["by_caller"], "caller's"),
        (guards.daily_per_account, spent["on_account"], "account's"),
    ):
        if limit is not None and already + new.amount > limit:
            message = f"This {what} would exceed the {owner} limit of {format_amount(limit)} {new.currency} a day."
            raise LimitReached(Reason.LIMIT_EXCEEDED, message)


async def require_account(one: InstructionRecord, guards: MoneyGuards, connection: Any) -> None:
    """Raise LimitReached while another command on the account excludes this one. The account is locked."""
    found = await connection.fetchrow(_sql.open_on_account, one.server, one.login, one.kind, one.id)
    if found["of_kind"] and (guards.one_open_per_account or one.kind == "WITHDRAWAL"):
        raise LimitReached(Reason.REQUEST_ALREADY_PENDING, _ANOTHER[one.kind])
    if found["of_other_kind"] and guards.apart:
        other = _NAMES["DEPOSIT" if one.kind == "WITHDRAWAL" else "WITHDRAWAL"]
        message = f"A {other} of this account is being sent. Repeat this command afterwards."
        raise LimitReached(Reason.REQUEST_ALREADY_PENDING, message)
