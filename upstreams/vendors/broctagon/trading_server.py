"""MT4 behind Broctagon's CRM: deposits and withdrawals.

The CRM lists accounts in pages and not by login, so that live figures of an account would cost too many calls
[D, B-mt4/get-accounts].
"""

from datetime import datetime
from decimal import Decimal

from core.call import Call
from core.clock import Clock
from core.commands import DepositCommand, MoneyCommand, MoneyReceipt, WithdrawalCommand
from core.errors import Reason
from core.money import format_amount
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.broctagon.crm import SYSTEM, Broctagon, Transaction
from upstreams.vendors.kit.command_checks import check_money
from upstreams.vendors.kit.history_search import (
    Found,
    absence_counts_after,
    day_window,
    equals_in,
    match_one,
    search_history,
)
from upstreams.vendors.kit.live_batches import MT4_LARGEST_LOGIN, NumbersUpTo
from upstreams.vendors.kit.protocol import Platform, Prepared
from upstreams.vendors.kit.rows import NONSENSE
from upstreams.vendors.kit.server_config import ServerConfig

DEPOSIT_PATH = "/public/v1/mt4/accounts/{login}/deposit"
WITHDRAWAL_PATH = "/public/v1/mt4/accounts/{login}/withdrawal"
# The amount is decimal(20,8): twelve digits before the point and eight after it [D, B-mt4/deposit].
LARGEST_AMOUNT = Decimal(10) ** 12
SMALLEST_EXPONENT = -8
BOOKED = 204
# The values in the report are not documented [I]. A person decides about any other value.
TYPES = {DepositCommand: "deposit", WithdrawalCommand: "withdrawal"}
DONE = frozenset({"completed", "complete", "done", "success", "successful", "approved", "none"})

_LOGINS = NumbersUpTo(MT4_LARGEST_LOGIN)


class BroctagonMoney:
    """Deposits or withdrawals on one server, by the path. `name` is our name of the server.

    The CRM refuses a withdrawal without enough funds [D], and has no call for the balance of one login.
    """

    def __init__(self, name: str, config: ServerConfig, crm: Broctagon, path: str) -> None:
        self._path = path
        self._name = name
        self._connection_id = config.id
        self._crm = crm
        self._failures = crm.link.failures

    async def prepare(self, command: MoneyCommand, call: Call) -> Prepared[MoneyReceipt]:
        """Prepare the operation. 204 means that it is booked.

        200 with `repeat` says that the CRM saw the same comment within two minutes. Only the history shows whether that
        operation was booked.
        """
        self._check(command)
        body = {
            "connection_id": self._connection_id,
            "currency": command.currency,
            "amount": format_amount(command.amount),
            "comment": command.reference,
        }
        return self._crm.prepare(self._path, {"login": command.login}, body, self._read, call, lane=self._name)

    async def require_funds(self, command: WithdrawalCommand, call: Call) -> None:
        """Nothing: the CRM checks the funds."""

    async def balance(self, _login: str, _call: Call) -> Decimal | None:
        return None

    def _check(self, command: MoneyCommand) -> None:
        check_money(command, self._failures)
        if command.login not in _LOGINS:
            raise self._failures.rejected(Reason.NOT_FOUND, "The server cannot have such a login.")
        exponent = command.amount.normalize().as_tuple().exponent
        if command.amount >= LARGEST_AMOUNT or (isinstance(exponent, int) and exponent < SMALLEST_EXPONENT):
            raise self._failures.rejected(Reason.LIMIT_EXCEEDED, "The CRM cannot hold this amount exactly.")

    def _read(self, answer: HttpAnswer) -> MoneyReceipt:
        if answer.status == BOOKED:
            # The CRM gives no ticket.
            return MoneyReceipt(upstream_reference=None)
        self._crm.check_status(answer)
        if b"repeat" in answer.body:
            raise self._failures.unknown("has seen this command before", upstream_code="repeat", detail="seen before")
        raise wire.Nonsense("a success that is not 204")


class BroctagonMoneyHistory:
    """The report of transactions.

    We assume that deposits and withdrawals by the API appear there with their comment [I].
    """

    def __init__(self, name: str, config: ServerConfig, crm: Broctagon) -> None:
        self.absence_counts_after = absence_counts_after(crm.link.limits.total_timeout_seconds)
        self._name = name
        self._connection_id = config.id
        self._crm = crm
        self._failures = crm.link.failures

    async def find(self, command: MoneyCommand, sent_at: datetime, call: Call) -> MoneyReceipt | None:
        report = self._crm.transactions(*day_window(sent_at), call, lane=self._name)
        rows, unread = await search_history(report, self._failures)
        try:
            found = (self._found(row, command) for row in rows)
            number = match_one(found, command.reference, unread, ["comment"])
        except wire.Nonsense as error:
            raise self._failures.unreadable(writes=False, detail=str(error)) from None
        except NONSENSE as error:
            raise self._failures.unreadable(writes=False, detail=type(error).__name__) from None
        return None if number is None else MoneyReceipt(upstream_reference=number or None)

    def _found(self, row: Transaction, command: MoneyCommand) -> Found:
        comment, number = row.comment or "", wire.read_text(row.id) or ""
        if command.reference.casefold() not in comment.casefold():
            # Because the operation is not ours, its other values are not checked.
            return Found("", number, is_ours=False)
        is_ours = (
            wire.read_text(row.login) == command.login
            and wire.read_text(row.connection_id) == self._connection_id
            and row.currency == command.currency
            and _has_amount(row, command)
            and (row.type or "").lower() == TYPES[type(command)]
            and str(row.status).lower() in DONE
        )
        return Found(comment, number, is_ours)


def _has_amount(row: Transaction, command: MoneyCommand) -> bool:
    """Whether the amount is the command's. It is not documented whether a withdrawal has a sign [I]."""
    found = wire.read_raw_number(row.amount)
    return any(equals_in(command.currency, one, found) for one in {command.amount, command.change})


def build(name: str, config: ServerConfig, crm: Broctagon, _clock: Clock) -> Platform:
    """Build the server. It has no history if, by the settings, the report does not show our deposits."""
    return Platform(
        name=name,
        system=SYSTEM,
        deposits=BroctagonMoney(name, config, crm, DEPOSIT_PATH) if config.deposits else None,
        withdrawals=BroctagonMoney(name, config, crm, WITHDRAWAL_PATH) if config.withdrawals else None,
        money_history=BroctagonMoneyHistory(name, config, crm) if crm.has_history else None,
    )
