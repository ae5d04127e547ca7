"""Withdrawals from MT4: a balance operation with a negative amount, after a check of the account's money.

MT4 does not refuse a balance below zero [C, vendors.md 5.1]. Withdrawable is the smaller of the balance and of the free
margin without the credit [C]. Both are read live. Trading can still move the margin before the booking.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import msgspec

from core.call import Call
from core.commands import MoneyReceipt, WithdrawalCommand
from core.errors import Reason, Rejected
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.link import T
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin.commands.balance_operations import Mt4BalanceOperations
from upstreams.vendors.cplugin.envelope import open_envelope
from upstreams.vendors.cplugin.reads import Mt4User, TradePlatform
from upstreams.vendors.kit.command_checks import check_funds
from upstreams.vendors.kit.protocol import Prepared

USER_PATH = "/api/v2/MT4/{tradePlatform}/UserRecordRequest/{login}"
MARGIN_PATH = "/api/v2/MT4/{tradePlatform}/MarginLevelRequest/{login}"


class _Margin(msgspec.Struct):
    login: int
    free: Decimal


_Row = TypeVar("_Row", Mt4User, _Margin)


class Mt4Withdrawals:
    def __init__(self, platform: TradePlatform) -> None:
        self._operations = Mt4BalanceOperations(platform)
        self._platform = platform
        self._failures = platform.connection.authorised.failures

    async def prepare(self, command: WithdrawalCommand, call: Call) -> Prepared[MoneyReceipt]:
        prepared = await self._operations.prepare(command, call)
        # After the token, so that as little time as possible passes until the command is sent.
        await self.require_funds(command, call)
        return prepared

    async def require_funds(self, command: WithdrawalCommand, call: Call) -> None:
        # The balance is read last: an account without an open trade may just have closed one at a loss.
        free = await self._free_margin(command.login, call)
        balance, credit = await self._balance_and_credit(command.login, call)
        check_funds(command, balance, credit, free, self._failures)

    async def balance(self, login: str, call: Call) -> Decimal:
        return (await self._balance_and_credit(login, call))[0]

    async def _balance_and_credit(self, login: str, call: Call) -> tuple[Decimal, Decimal]:
        """A missing credit is an error, because the credit would count as the client's money [D: it is never null]."""

        def figures(user: Mt4User) -> tuple[Decimal, Decimal]:
            return wire.read_required_double(user.balance), wire.read_required_double(user.credit)

        return await self._get(USER_PATH, login, Mt4User, figures, call)

    async def _free_margin(self, login: str, call: Call) -> Decimal | None:
        """The free margin; None for an account without an open trade, for which the server answers NotFound [D]."""
        try:
            return await self._get(MARGIN_PATH, login, _Margin, lambda one: wire.read_required_double(one.free), call)
        except Rejected as error:
            if error.reason is Reason.NOT_FOUND:
                return None
            raise

    async def _get(self, path: str, login: str, kind: type[_Row], figures: Callable[[_Row], T], call: Call) -> T:
        def read(answer: HttpAnswer) -> T:
            found = msgspec.json.decode(open_envelope(answer, self._failures, writes=False), type=kind)
            if str(found.login) != login:
                raise wire.Nonsense("another account")
            return figures(found)

        return await self._platform.get(path, read, call, values={"login": login})
