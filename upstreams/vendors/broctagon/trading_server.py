"""MT4 behind Broctagon's CRM: deposits only. The CRM lists accounts page by page and never by login, so there is no
live figure to be had for an account at a bearable price [D, B-mt4/get-accounts].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec

from core.call import Call
from core.commands import DepositOrder, DepositReceipt, NewAccountOrder, NewAccountReceipt
from core.config_error import ConfigError
from core.errors import Reason, System
from upstreams.http import lenient_json as wire
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.broctagon import crm as broctagon
from upstreams.vendors.broctagon.crm import Broctagon, Transaction
from upstreams.vendors.kit.command_checks import check_deposit
from upstreams.vendors.kit.history_search import Found, absence_counts_after, day_window, searched, the_one
from upstreams.vendors.kit.live_batches import MT4_LARGEST_LOGIN, NumbersUpTo
from upstreams.vendors.kit.protocol import NO_ACCOUNTS, DepositPolicy, LiveAnswer, PreparedAccount, PreparedDeposit
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.server_settings import allowed_platform

DEPOSIT_PATH = "/public/v1/mt4/accounts/{login}/deposit"
# The amount is decimal(20,8): twelve digits before the point and eight after it [D, B-mt4/deposit].
LARGEST_AMOUNT = Decimal(10) ** 12
SMALLEST_EXPONENT = -8
BOOKED = 204
# The report's own words are documented nowhere [I]: whatever else stands there is for a person to judge.
DEPOSIT_TYPE = "deposit"
DONE = frozenset({"completed", "complete", "done", "success", "successful", "approved", "none"})

_LOGINS = NumbersUpTo(MT4_LARGEST_LOGIN)


class BroctagonServer:
    system = System.BROCTAGON
    batch_max = 1
    can_create_accounts = False
    has_live_figures = False
    account_policy = NO_ACCOUNTS

    def __init__(self, name: str, config: ServerConfig, crm: Broctagon) -> None:
        self.name = name
        self.can_deposit = config.deposits
        self._connection_id = config.id
        self._crm = crm
        self._failures = crm.link.failures
        self.deposit_policy = DepositPolicy(
            finds_by_reference=crm.has_history,
            absence_counts_after=absence_counts_after(crm.link.limits.total_timeout_seconds),
            one_open_per_account=not crm.has_history,
        )

    async def aclose(self) -> None:
        """It owns nothing: the connection belongs to the house."""

    async def live(self, logins: Sequence[str], wanted: frozenset[str], call: Call) -> LiveAnswer:  # noqa: ARG002
        error = self._failures.rejected(Reason.NOT_SUPPORTED, "The CRM offers no live figures.")
        return dict.fromkeys(logins, error)

    async def prepare_deposit(self, order: DepositOrder, call: Call) -> PreparedDeposit:
        """204 is booked. 200 with `repeat` says that the same comment was seen within two minutes: ours went in before,
        or it did not; only the books can tell.
        """
        if not self.can_deposit:
            raise self._failures.rejected(Reason.NOT_SUPPORTED, "Deposits are not switched on for this server.")
        self._check(order)
        body = {
            "connection_id": self._connection_id,
            "currency": order.currency,
            "amount": format(order.amount, "f"),
            "comment": order.reference,
        }
        write = self._crm.prepare(DEPOSIT_PATH, {"login": order.login}, body, self._read, call, lane=self.name)
        return PreparedBroctagonDeposit(write)

    async def prepare_account(self, order: NewAccountOrder, call: Call) -> PreparedAccount:  # noqa: ARG002
        raise self._failures.rejected(Reason.NOT_SUPPORTED, "Accounts are not made here; ask the CRM for one.")

    async def find_deposit(self, order: DepositOrder, sent_at: datetime, call: Call) -> DepositReceipt | None:
        """By the report of transactions. That deposits by the API appear there with their comment is a guess [I]."""
        if not self.deposit_policy.finds_by_reference:
            raise self._failures.rejected(Reason.NOT_SUPPORTED, "The CRM's report is said not to show our deposits.")
        rows = await searched(self._crm.transactions(*day_window(sent_at), call, lane=self.name), self._failures)
        try:
            number = the_one((self._found(row, order) for row in rows), order.reference)
        except (ValueError, ArithmeticError, msgspec.MsgspecError) as error:
            raise self._failures.unreadable(writes=False, detail=str(error)[:100]) from None
        return None if number is None else DepositReceipt(upstream_reference=number or None)

    async def find_account(
        self,
        order: NewAccountOrder,  # noqa: ARG002
        sent_at: datetime,  # noqa: ARG002
        call: Call,  # noqa: ARG002
    ) -> NewAccountReceipt | None:
        raise self._failures.rejected(Reason.NOT_SUPPORTED, "There is no list of accounts to search.")

    def _check(self, order: DepositOrder) -> None:
        check_deposit(order, self._failures)
        if order.login not in _LOGINS:
            raise self._failures.rejected(Reason.NOT_FOUND, "The server cannot have such a login.")
        exponent = order.amount.normalize().as_tuple().exponent
        if order.amount >= LARGEST_AMOUNT or (isinstance(exponent, int) and exponent < SMALLEST_EXPONENT):
            raise self._failures.rejected(Reason.LIMIT_EXCEEDED, "The CRM cannot hold this amount exactly.")

    def _found(self, row: Transaction, order: DepositOrder) -> Found:
        comment, number = row.comment or "", wire.text(row.id) or ""
        if order.reference.casefold() not in comment.casefold():
            # Not ours, so it may be as odd as it likes.
            return Found("", number, is_ours=False)
        is_ours = (
            wire.text(row.login) == order.login
            and wire.text(row.connection_id) == self._connection_id
            and row.currency == order.currency
            and wire.raw_number(row.amount) == order.amount
            and (row.type or "").lower() == DEPOSIT_TYPE
            and str(row.status).lower() in DONE
        )
        return Found(comment, number, is_ours)

    def _read(self, answer: HttpAnswer) -> None:
        if answer.status == BOOKED:
            return
        if answer.status not in broctagon.SUCCESSES:
            raise self._crm.refusal(answer)
        if b"repeat" in answer.body:
            raise self._failures.unknown("has seen this order before", upstream_code="repeat", detail="seen before")
        raise wire.Nonsense("a success that is not 204")


@dataclass(frozen=True, slots=True)
class PreparedBroctagonDeposit:
    _write: broctagon.PreparedWrite

    async def send(self) -> DepositReceipt:
        await self._write.send()
        # The CRM gives no ticket.
        return DepositReceipt(upstream_reference=None)


def build(name: str, config: ServerConfig, connection: Broctagon | None) -> BroctagonServer:
    allowed_platform(name, config, frozenset({"MT4"}))
    if connection is None:
        raise ConfigError(f"servers.{name}.adapter", "there is no [broctagon]")
    return BroctagonServer(name, config, connection)
