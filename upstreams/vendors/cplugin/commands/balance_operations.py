"""Balance operations on MT4: TradeTransaction with BrBalance and Balance. An empty command would mean Buy [D, C-py]."""

import msgspec

from core.call import Call
from core.commands import MoneyCommand, MoneyReceipt
from core.errors import Reason
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin.commands.writes import Writer
from upstreams.vendors.cplugin.reads import TradePlatform
from upstreams.vendors.kit.command_checks import check_exact_double, check_money
from upstreams.vendors.kit.live_batches import MT4_LARGEST_LOGIN, NumbersUpTo
from upstreams.vendors.kit.protocol import Prepared

_LOGINS = NumbersUpTo(MT4_LARGEST_LOGIN)


class _Transaction(msgspec.Struct):
    order: int


class Mt4BalanceOperations:
    """Deposits, and the booking of withdrawals. A negative price withdraws [D, C-py]."""

    def __init__(self, platform: TradePlatform) -> None:
        self._writer = Writer(platform)

    async def prepare(self, command: MoneyCommand, call: Call) -> Prepared[MoneyReceipt]:
        self._check(command)
        body = {
            "tradeTransactionType": "BrBalance",
            "tradeCommand": "Balance",
            "orderBy": int(command.login),
            "price": command.change,
            "comment": command.reference,
        }
        return await self._writer.prepare("TradeTransaction", body, self._read, call, key=command.idempotency_key)

    def _check(self, command: MoneyCommand) -> None:
        """Raise Rejected for a command that the server would read as another command."""
        if command.login not in _LOGINS:
            raise self._writer.failures.rejected(Reason.NOT_FOUND, "The server cannot have such a login.")
        check_money(command, self._writer.failures)
        check_exact_double(command.amount, self._writer.failures)

    def _read(self, answer: HttpAnswer) -> MoneyReceipt:
        ticket = msgspec.json.decode(self._writer.data(answer), type=_Transaction).order
        if ticket <= 0:
            # Because a booked operation has a ticket, an answer without one does not prove the booking.
            raise wire.Nonsense("no ticket")
        return MoneyReceipt(upstream_reference=str(ticket))
