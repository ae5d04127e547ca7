from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from core.call import Call
from core.errors import Reason
from core.money import format_amount, is_whole, quantum
from core.records import AccountKey, AccountRecord, ClientRecord, InstructionRecord
from instructions.dispatcher import Outcome, Prepare, Prepared
from instructions.submit import CheckedCommand, InputIssue, InvalidInput, NotPermitted
from instructions.vendor_commands import deposit_command
from resolvers.context import Context, Info
from resolvers.fields.connections import given
from resolvers.fields.loaders import accounts_by_key, clients_by_number
from resolvers.mutations.account_field import ProducedAccount, produced_account
from resolvers.mutations.failures import (
    FieldIssue,
    IdempotencyConflict,
    InstructionPending,
    Refused,
    UpstreamFailed,
    ValidationFailed,
    invalid,
)
from resolvers.mutations.payload import INPUT, KEY, payload, request
from resolvers.policy.enums import ClientStanding
from resolvers.policy.errors import BadUserInput
from resolvers.types.instruction import Instruction
from resolvers.types.lookup_inputs import TradingAccountBy, account_key_of
from resolvers.types.scalars import CurrencyCode
from resolvers.types.standing import standing
from upstreams.state.deposit_limits import DepositGuards
from upstreams.state.drafts import NewInstruction
from upstreams.vendors.kit.protocol import Deposits, Platform

KIND = "DEPOSIT"
# What is kept for ever should not be a place to store things.
_LONGEST_NOTE = 1000


@strawberry.input(description="Money to put on a trading account.")
class DepositInput:
    account: TradingAccountBy = strawberry.field(description="The account.")
    amount: Decimal = strawberry.field(description="How much; more than zero, no finer than the currency is.")
    currency: CurrencyCode = strawberry.field(description="The account's currency, to be sure that both mean the same.")
    idempotency_key: strawberry.ID = strawberry.field(description=KEY)
    note: str | None = strawberry.field(default=UNSET, description="A remark that is kept with the instruction.")


@strawberry.type(description="The trading server has booked the deposit.")
class DepositConfirmed:
    instruction: Instruction = strawberry.field(description="The instruction, with the server's ticket.")
    account: ProducedAccount = produced_account("The account as the ERP has it; null while it cannot be asked.")


DepositPayload = Annotated[
    DepositConfirmed | InstructionPending | ValidationFailed | Refused | UpstreamFailed | IdempotencyConflict,
    strawberry.union("DepositPayload", description="What became of a deposit."),
]


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposit as asked."""

    account: AccountKey
    amount: Decimal
    currency: str
    note: str | None

    def issues(self) -> list[InputIssue]:
        """What is wrong with it, whatever the account."""
        if self.amount <= 0:
            return [InputIssue(("amount",), "positive", "amount must be more than zero.")]
        if not is_whole(self.amount, self.currency):
            least = format_amount(quantum(self.currency))
            return [InputIssue(("amount",), "quantum", f"amount must be a multiple of {least} {self.currency}.")]
        if self.note is not None and len(self.note) > _LONGEST_NOTE:
            return [InputIssue(("note",), "length", f"note must have at most {_LONGEST_NOTE} characters.")]
        return []


async def check(deposit: Deposit, context: Context) -> tuple[AccountRecord, ClientRecord, Platform, Deposits]:
    """The account, its client and its server. Raises InvalidInput, NotPermitted, UpstreamError."""
    if issues := deposit.issues():
        raise InvalidInput(*issues)
    most = context.services.deposit_limits.maximum.get(deposit.currency)
    if most is not None and deposit.amount > most:
        raise NotPermitted(
            Reason.LIMIT_EXCEEDED, f"One deposit may be at most {format_amount(most)} {deposit.currency}."
        )
    account: AccountRecord | None = await context.load(accounts_by_key, deposit.account)
    client: ClientRecord | None = None
    if account is not None:
        client = await context.load(clients_by_number, account.client_number)
    if account is None or client is None:
        raise NotPermitted(Reason.NOT_FOUND, "There is no such trading account.")
    platform = context.services.platforms.get(account.server)
    if platform is None or platform.deposits is None:
        raise NotPermitted(Reason.NOT_SUPPORTED, f"Deposits on {account.server} are not possible.")
    if account.currency != deposit.currency:
        message = f"currency must be the account's, {account.currency}."
        raise InvalidInput(InputIssue(("currency",), "account-currency", message))
    if standing(client) is not ClientStanding.OK:
        raise NotPermitted(Reason.CLIENT_RESTRICTED, "The client is restricted; review the case in the ERP.")
    return account, client, platform, platform.deposits


async def order(deposit: Deposit, meaning: dict[str, Any], key: str, context: Context) -> CheckedCommand:
    account, client, platform, deposits = await check(deposit, context)
    new = NewInstruction(
        kind=KIND,
        principal=context.caller.principal,
        idempotency_key=key,
        client_number=client.client_number,
        agency=client.agency,
        meaning=meaning,
        server=account.server,
        login=account.login,
        amount=deposit.amount,
        currency=deposit.currency,
        note=deposit.note,
        guards=guards(platform, deposit.currency, context),
    )
    return CheckedCommand(new, lambda instruction: preparation(deposits, instruction))


def guards(platform: Platform, currency: str, context: Context) -> DepositGuards:
    limits = context.services.deposit_limits
    return DepositGuards(
        daily_per_caller=limits.daily_per_caller.get(currency),
        daily_per_account=limits.daily_per_account.get(currency),
        one_open_per_account=platform.deposit_history is None,
    )


def preparation(deposits: Deposits, instruction: InstructionRecord) -> Prepare:
    async def prepare(call: Call) -> Prepared:
        return await deposits.prepare(deposit_command(instruction), call)

    return prepare


def confirmed(outcome: Outcome) -> DepositConfirmed:
    return DepositConfirmed(instruction=outcome.instruction)  # type: ignore[arg-type]  # the record is the type's root.


async def deposit(info: Info, input: Annotated[DepositInput, INPUT]) -> Any:  # noqa: A002 - the graph's name.
    context = info.context
    try:
        account = account_key_of(input.account)
    except BadUserInput as error:
        # An expected failure is data: as an error it would hide what became of the mutations before.
        return invalid([FieldIssue(path=["account", "id"], rule="id", message=error.message)])
    asked = Deposit(account, input.amount, input.currency, given(input.note))
    meaning = {
        "server": asked.account.server,
        "login": asked.account.login,
        "amount": asked.amount,
        "currency": asked.currency,
        "note": asked.note,
    }
    key = str(input.idempotency_key)
    return await payload(
        request(KIND, key, meaning, context), lambda: order(asked, meaning, key, context), confirmed, context
    )
