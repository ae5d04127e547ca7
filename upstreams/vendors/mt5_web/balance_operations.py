"""Balance operations: trade/balance [D, MQ-bal]. It has no idempotency key, so that it is never repeated."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from core.call import Call
from core.commands import MoneyCommand, MoneyReceipt, WithdrawalCommand
from core.errors import Reason, UpstreamError
from core.money import format_amount, is_whole, quantum
from core.records import LiveAccountRecord
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.link import Link
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.kit.command_checks import check_exact_double, check_funds, check_money
from upstreams.vendors.kit.protocol import Prepared
from upstreams.vendors.mt5_web.connection import Mt5WebConnection
from upstreams.vendors.mt5_web.live import LOGINS, Mt5WebLive
from upstreams.vendors.mt5_web.retcodes import HEADERS, open_envelope

BALANCE_PATH = "/api/trade/balance"
# 2: an operation on the balance. The sign of the amount says whether it is a deposit [D].
BALANCE: Final = 2


class _Booked(msgspec.Struct, rename="pascal"):
    ticket: int | str


class Mt5WebBalanceOperations:
    """Deposits and withdrawals."""

    def __init__(self, name: str, connection: Mt5WebConnection, live: Mt5WebLive) -> None:
        self._name = name
        self._link = connection.money
        self._live = live

    async def prepare(self, command: MoneyCommand, call: Call) -> Prepared[MoneyReceipt]:
        """Prepare the operation. The session is open when this returns."""
        failures = self._link.failures
        check_money(command, failures)
        check_exact_double(command.amount, failures)
        if command.login not in LOGINS:
            raise failures.rejected(Reason.NOT_FOUND, "The server cannot have such a login.")
        if not is_whole(command.amount, command.currency):
            # How the server rounds is not documented.
            raise failures.rejected(Reason.LIMIT_EXCEEDED, "The amount has more places than the currency.")
        await self._link.open_session(self._name, call)
        if isinstance(command, WithdrawalCommand):
            # After the session, so that as little time as possible passes until the command is sent.
            await self.require_funds(command, call)
        query = (
            ("login", command.login),
            ("type", str(BALANCE)),
            ("balance", format_amount(command.change.quantize(quantum(command.currency)))),
            ("comment", command.reference),
            ("check_margin", "1"),
        )
        request = HttpRequest("POST", BALANCE_PATH, query=query, headers=HEADERS, writes=True, lane=self._name)
        return PreparedOperation(self._link, request, call)

    async def require_funds(self, command: WithdrawalCommand, call: Call) -> None:
        """The server checks the free margin and the balance [D], but may count the credit as free margin [I]."""
        found = await self._figures(command.login, call)
        if found is None:
            raise self._link.failures.rejected(Reason.NOT_FOUND, "The trading server does not know it.")
        if found.balance is None or found.credit is None or found.free_margin is None:
            raise self._link.failures.unavailable("does not show the funds of the account")
        check_funds(command, found.balance, found.credit, found.free_margin, self._link.failures)

    async def balance(self, login: str, call: Call) -> Decimal | None:
        found = await self._figures(login, call)
        return None if found is None else found.balance

    async def _figures(self, login: str, call: Call) -> LiveAccountRecord | None:
        found = (await self._live.fetch([login], frozenset({"balance", "credit", "free_margin"}), call)).get(login)
        if isinstance(found, UpstreamError):
            raise found
        return found


def wait_briefly(call: Call, link: Link) -> Call:
    """The call with a wait for the one connection of at most an exchange's time, because the command is marked SENT."""
    return msgspec.structs.replace(call, deadline=call.deadline.sooner(link.limits.total_timeout_seconds))


@dataclass(frozen=True, slots=True)
class PreparedOperation:
    _link: Link
    _request: HttpRequest
    _call: Call

    async def send(self) -> MoneyReceipt:
        return await self._link.write(self._request, self._read, wait_briefly(self._call, self._link))

    def _read(self, answer: HttpAnswer) -> MoneyReceipt:
        envelope = open_envelope(answer, self._link.failures, writes=True)
        ticket = wire.read_whole(msgspec.json.decode(envelope.answer, type=_Booked).ticket)
        if not ticket or ticket < 0:
            # A booked operation has a ticket, so that an answer without one does not prove the booking.
            raise wire.Nonsense("no ticket")
        return MoneyReceipt(upstream_reference=str(ticket))
