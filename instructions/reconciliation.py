"""Verdicts on instructions in doubt, by the vendors' own history. Every kind of instruction and every vendor has the
same verdicts.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from core.call import Call
from core.commands import MoneyReceipt, NewAccountReceipt, WithdrawalCommand
from core.errors import Misunderstood, OutcomeUnknown, Reason, Rejected, Unavailable, UpstreamError
from core.records import InstructionRecord
from core.secret import Secret
from instructions.below_zero import BelowZero
from instructions.vendor_commands import account_command, money_command, request_command
from upstreams.state.reconciliation_queue import ReconciliationQueue
from upstreams.vendors.kit.protocol import Crm, ErpApi, MoneyHistory, Platform

PasswordOf = Callable[[int, Call], Awaitable[Secret | None]]


@dataclass(frozen=True, slots=True)
class Booked:
    """The vendor's books contain the command."""

    receipt: MoneyReceipt | NewAccountReceipt | None
    note: str


@dataclass(frozen=True, slots=True)
class RefusedByVendor:
    """The upstream answered that the command was not applied and will not be applied."""

    error: UpstreamError


@dataclass(frozen=True, slots=True)
class Absent:
    """The vendor's books do not contain the command. Time and server are such that this proves that it was not
    applied.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """The books prove nothing yet. `for_people`: later searches will not prove anything either, so that people
    decide.
    """

    why: str
    for_people: bool = False
    not_before_seconds: float = 0.0


Verdict = Booked | RefusedByVendor | Absent | Undecided
_FOUND = "found in the upstream's books"


class Verdicts:
    """Finds the verdict at the upstream that received the command. Raises UpstreamError only for the state database."""

    def __init__(  # noqa: PLR0913, PLR0917 - the upstreams and what judges need.
        self,
        queue: ReconciliationQueue,
        platforms: Mapping[str, Platform],
        erp_api: ErpApi | None,
        crm: Crm | None,
        password_of: PasswordOf,
        below_zero: BelowZero,
    ) -> None:
        self._queue = queue
        self._platforms = platforms
        self._erp_api = erp_api
        self._crm = crm
        self._password_of = password_of
        self._below_zero = below_zero

    async def on(self, instruction: InstructionRecord, age_seconds: float, call: Call) -> Verdict:
        if instruction.kind == "OPEN_ACCOUNT_REQUEST":
            return await self._request(instruction, call)
        if instruction.kind == "CREATE_TRADING_ACCOUNT" and not instruction.details:
            return await self._erp_account(instruction, call)
        platform = self._platforms.get(instruction.server or "")
        if platform is None:
            return Undecided(
                f"the trading server {instruction.server} is not in the settings any more", for_people=True
            )
        if instruction.amount is not None:
            return await self._money(instruction, platform, age_seconds, call)
        return await self._account(instruction, platform, age_seconds, call)

    async def _money(
        self, instruction: InstructionRecord, platform: Platform, age_seconds: float, call: Call
    ) -> Verdict:
        history = platform.money_history
        if history is None:
            return Undecided("its vendor has no history that could be searched for it", for_people=True)
        assert instruction.sent_at is not None
        sent_at = instruction.sent_at

        async def look() -> Verdict:
            command = money_command(instruction)
            receipt = await history.find(command, sent_at, call)
            if receipt is not None:
                await self._queue.prove(platform.name, instruction)
                if isinstance(command, WithdrawalCommand) and platform.withdrawals is not None:
                    self._below_zero.look(platform.withdrawals, command)
                return Booked(receipt, _FOUND)
            return await self._absent(instruction, history, history.absence_counts_after - age_seconds, call)

        return await _judged(look)

    async def _account(
        self, instruction: InstructionRecord, platform: Platform, age_seconds: float, call: Call
    ) -> Verdict:
        history = platform.account_history
        if history is None:
            return Undecided("its vendor has no list that could be searched for it", for_people=True)
        assert instruction.sent_at is not None
        sent_at = instruction.sent_at

        async def look() -> Verdict:
            receipt = await history.find(account_command(instruction), sent_at, call)
            if receipt is not None:
                return Booked(receipt, f"{_FOUND}; its password has to be set by an operator")
            wait = history.absence_counts_after - age_seconds
            if wait > 0:
                return Undecided("not in the server's list of logins yet", not_before_seconds=wait)
            return Absent("not in the server's list of logins")

        return await _judged(look)

    async def _absent(self, instruction: InstructionRecord, history: MoneyHistory, wait: float, call: Call) -> Verdict:
        """The verdict on a reference that is absent from the history. Too early, or on a server without a proven
        history, absence proves nothing.
        """
        server, kind = instruction.server or "", instruction.kind
        if wait > 0:
            return Undecided("not in the server's history yet", not_before_seconds=wait)
        if await self._queue.is_proven(server, kind) or await self._prove(server, kind, history, call):
            return Absent("not in the server's history, which is proven to show bookings")
        why = f"not in the history of {server}, which has never shown one of our bookings"
        return Undecided(why, for_people=True)

    async def _prove(self, server: str, kind: str, history: MoneyHistory, call: Call) -> bool:
        """Search the history for a recent command that the vendor itself confirmed. If it is found, the history is
        proven.
        """
        booked = await self._queue.booked_on(server, kind)
        if booked is None or booked.sent_at is None:
            return False
        if await history.find(money_command(booked), booked.sent_at, call) is None:
            return False
        await self._queue.prove(server, booked)
        return True

    async def _erp_account(self, instruction: InstructionRecord, call: Call) -> Verdict:
        """Send the command again. The vendor documents that this is harmless: a client with an account gets this
        account [D, H-1675].
        """
        erp_api = self._erp_api
        if erp_api is None:
            return Undecided("the ERP's API is not in the settings any more", for_people=True)

        async def ask() -> Verdict:
            password = await self._password_of(instruction.client_number, call)
            if password is None:
                return Undecided("the ERP has no API password of the client any more", for_people=True)
            prepared = await erp_api.prepare_account(instruction.client_number, password, call)
            try:
                receipt = await prepared.send()
            except Rejected as error:
                # Because the client may have changed in the meantime, a refusal now proves nothing about the first
                # request.
                return Undecided(f"asked again, and refused: {error.message}", for_people=True)
            return Booked(receipt, "asked again, which the ERP answers with the account there is")

        return await _judged(ask)

    async def _request(self, instruction: InstructionRecord, call: Call) -> Verdict:
        crm = self._crm
        if crm is None:
            return Undecided("the CRM is not in the settings any more", for_people=True)

        async def ask() -> Verdict:
            await crm.reconcile_request(request_command(instruction), call)
            return Booked(None, "asked again: the request waits in the CRM")

        return await _judged(ask)


async def _judged(look: Callable[[], Awaitable[Verdict]]) -> Verdict:
    """The verdict of `look`. An error of the upstream becomes Undecided or RefusedByVendor."""
    try:
        return await look()
    except Rejected as error:
        if error.reason is Reason.NOT_SUPPORTED:
            return Undecided(error.message, for_people=True)
        return RefusedByVendor(error)
    except (Unavailable, OutcomeUnknown, Misunderstood) as error:
        return Undecided(error.message, not_before_seconds=error.retry_after_seconds or 0.0)
