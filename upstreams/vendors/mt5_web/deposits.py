"""Balance operations: trade/balance [D, MQ-bal]. It has no idempotency key, so that it is never repeated."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from core.call import Call
from core.commands import DepositCommand, DepositReceipt
from core.errors import Reason
from core.money import format_amount, is_whole, quantum
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.link import Link
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.kit.command_checks import check_deposit, check_exact_double
from upstreams.vendors.kit.protocol import Prepared
from upstreams.vendors.mt5_web.connection import Mt5WebConnection
from upstreams.vendors.mt5_web.live import LOGINS
from upstreams.vendors.mt5_web.retcodes import HEADERS, open_envelope

BALANCE_PATH = "/api/trade/balance"
# 2: an operation on the balance. The sign of the amount says whether it is a deposit [D].
BALANCE: Final = 2


class _Booked(msgspec.Struct, rename="pascal"):
    ticket: int | str


class Mt5WebDeposits:
    def __init__(self, name: str, connection: Mt5WebConnection) -> None:
        self._name = name
        self._link = connection.money

    async def prepare(self, command: DepositCommand, call: Call) -> Prepared[DepositReceipt]:
        check_deposit(command, self._link.failures)
        return await self.prepare_operation(command, command.amount, call)

    async def prepare_operation(self, command: DepositCommand, signed: Decimal, call: Call) -> Prepared[DepositReceipt]:
        """Prepare an operation on the balance. The session is open when this returns."""
        failures = self._link.failures
        check_exact_double(signed, failures)
        if command.login not in LOGINS:
            raise failures.rejected(Reason.NOT_FOUND, "The server cannot have such a login.")
        if not is_whole(signed, command.currency):
            # How the server rounds is not documented.
            raise failures.rejected(Reason.LIMIT_EXCEEDED, "The amount has more places than the currency.")
        await self._link.open_session(self._name, call)
        query = (
            ("login", command.login),
            ("type", str(BALANCE)),
            ("balance", format_amount(signed.quantize(quantum(command.currency)))),
            ("comment", command.reference),
            ("check_margin", "1"),
        )
        request = HttpRequest("POST", BALANCE_PATH, query=query, headers=HEADERS, writes=True, lane=self._name)
        return PreparedOperation(self._link, request, call)


def wait_briefly(call: Call, link: Link) -> Call:
    """The call with a wait for the one connection of at most an exchange's time, because the command is marked SENT."""
    return msgspec.structs.replace(call, deadline=call.deadline.sooner(link.limits.total_timeout_seconds))


@dataclass(frozen=True, slots=True)
class PreparedOperation:
    _link: Link
    _request: HttpRequest
    _call: Call

    async def send(self) -> DepositReceipt:
        return await self._link.write(self._request, self._read, wait_briefly(self._call, self._link))

    def _read(self, answer: HttpAnswer) -> DepositReceipt:
        envelope = open_envelope(answer, self._link.failures, writes=True)
        ticket = wire.read_whole(msgspec.json.decode(envelope.answer, type=_Booked).ticket)
        if not ticket or ticket < 0:
            # A booked operation has a ticket, so that an answer without one does not prove the booking.
            raise wire.Nonsense("no ticket")
        return DepositReceipt(upstream_reference=str(ticket))
