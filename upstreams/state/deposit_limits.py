"""Deposit limits of the ledger, enforced in the transaction that writes the deposit's row."""

from typing import Any

from core.commands import NO_GUARDS, DepositGuards
from core.errors import Reason
from core.money import format_amount
from core.records import InstructionRecord
from upstreams.postgres.sql import read_statements

_sql = read_statements("state/instructions.sql")


class LimitReached(Exception):
    """A limit of the ledger forbids the deposit. No row was written."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


async def enforce_limits(new: InstructionRecord, guards: DepositGuards, connection: Any) -> None:
    """Raise LimitReached if this deposit would exceed a limit of the caller or of the account."""
    if new.amount is None or guards == NO_GUARDS:
        return
    account = f"{new.server}/{new.login}"
    await connection.fetch(_sql.lock_spenders, new.principal, account)
    if await connection.fetch(_sql.by_key, new.principal, new.idempotency_key):
        # A concurrent request with the same key was faster. It is already counted, and this row will not be written.
        return
    spent = await connection.fetchrow(_sql.spent_today, new.principal, new.server, new.login, new.currency)
    if guards.one_open_per_account and spent["open_on_account"]:
        message = (
            "Another deposit on this account is still open, and the history of its server could not tell the two apart."
        )
        raise LimitReached(Reason.REQUEST_ALREADY_PENDING, message)
    for limit, already, owner in (
        (guards.daily_per_caller, spent["by_caller"], "caller's"),
        (guards.daily_per_account, spent["on_account"], "account's"),
    ):
        if limit is not None and already + new.amount > limit:
            message = f"This deposit would exceed the {owner} limit of {format_amount(limit)} {new.currency} a day."
            raise LimitReached(Reason.LIMIT_EXCEEDED, message)
