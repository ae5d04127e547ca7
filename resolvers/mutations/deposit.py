from decimal import Decimal
from functools import partial
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from core.commands import DepositCommand
from core.errors import Reason
from core.money import format_amount, is_whole, quantum
from core.records import AccountKey, AccountRecord, ClientRecord
from instructions.dispatcher import Outcome
from instructions.drafts import CheckedCommand
from instructions.submit import InputIssue, InvalidInput, NotPermitted
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
from resolvers.mutations.payload import INPUT, KEY, new_identity, payload, request
from resolvers.policy.authorization import OUTCOME, public
from resolvers.policy.enums import ClientStanding
from resolvers.policy.errors import BadUserInput
from resolvers.types.instruction import Instruction
from resolvers.types.lookup_inputs import TradingAccountBy, account_key_of
from resolvers.types.scalars import CurrencyCode
from resolvers.types.standing import standing
from resolvers.types.trading_account import is_demo_account

KIND = "DEPOSIT"
# Because instructions are never deleted, a note is short.
_LONGEST_NOTE = 1000


@strawberry.input(description="Money to put on a trading account.")
class DepositInput:
    account: TradingAccountBy = strawberry.field(description="The account.")
    amount: Decimal = strawberry.field(
        description="The amount: more than zero, and with no more decimal places than the currency has."
    )
    currency: CurrencyCode = strawberry.field(
        description="The currency of the amount. It must be the account's currency."
    )
    idempotency_key: strawberry.ID = strawberry.field(description=KEY)
    note: str | None = strawberry.field(default=UNSET, description="A remark that is stored with the instruction.")


@public(OUTCOME)
@strawberry.type(description="The trading server has booked the deposit.")
class DepositConfirmed:
    instruction: Instruction = strawberry.field(description="The instruction, with the server's ticket.")
    account: ProducedAccount = produced_account("The account as the ERP has it; null while the ERP is unavailable.")


DepositPayload = Annotated[
    DepositConfirmed | InstructionPending | ValidationFailed | Refused | UpstreamFailed | IdempotencyConflict,
    strawberry.union("DepositPayload", description="The outcome of a deposit, or the reason of a failure."),
]


def issues(command: DepositCommand) -> list[InputIssue]:
    """The mistakes of a deposit that are found without its account."""
    if command.amount <= 0:
        return [InputIssue(("amount",), "positive", "amount must be more than zero.")]
    if not is_whole(command.amount, command.currency):
        least = format_amount(quantum(command.currency))
        return [InputIssue(("amount",), "quantum", f"amount must be a multiple of {least} {command.currency}.")]
    if command.note is not None and len(command.note) > _LONGEST_NOTE:
        return [InputIssue(("note",), "length", f"note must have at most {_LONGEST_NOTE} characters.")]
    return []


async def check(command: DepositCommand, context: Context) -> CheckedCommand:
    """The deposit with its client and its server. Raises InvalidInput, NotPermitted, UpstreamError."""
    if found := issues(command):
        raise InvalidInput(*found)
    most = context.services.deposit_limits.maximum.get(command.currency)
    if most is not None and command.amount > most:
        raise NotPermitted(
            Reason.LIMIT_EXCEEDED, f"One deposit may be at most {format_amount(most)} {command.currency}."
        )
    account, client = await account_and_client(command, context)
    platform = context.services.upstreams.platforms.get(account.server)
    if platform is None or platform.deposits is None:
        raise NotPermitted(Reason.NOT_SUPPORTED, f"Deposits on {account.server} are not possible.")
    if is_demo_account(account, context) and not context.services.deposit_limits.allow_demo:
        message = f"The account's group {account.group_name} is one of demo accounts, which take no deposits."
        raise NotPermitted(Reason.DEMO_CONNECTION_NOT_ALLOWED, message)
    if account.currency != command.currency:
        message = f"currency must be the account's, {account.currency}."
        raise InvalidInput(InputIssue(("currency",), "account-currency", message))
    if standing(client) is not ClientStanding.OK:
        raise NotPermitted(Reason.CLIENT_RESTRICTED, "The client is restricted; review the case in the ERP.")
    guards = context.services.deposit_limits.guards(command.currency, one_open=platform.deposit_history is None)
    return CheckedCommand(client, command, partial(platform.deposits.prepare, command), guards)


async def account_and_client(command: DepositCommand, context: Context) -> tuple[AccountRecord, ClientRecord]:
    """Raises UpstreamError, and NotPermitted if the caller may not see the account or it does not exist."""
    account: AccountRecord | None = await context.load(accounts_by_key, AccountKey(command.server, command.login))
    client: ClientRecord | None = None
    if account is not None:
        client = await context.load(clients_by_number, account.client_number)
    if account is None or client is None:
        raise NotPermitted(Reason.NOT_FOUND, "There is no such trading account.")
    return account, client


def confirmed(outcome: Outcome) -> DepositConfirmed:
    return DepositConfirmed(instruction=outcome.instruction)  # type: ignore[arg-type]  # the record is the type's root.


async def deposit(info: Info, input: Annotated[DepositInput, INPUT]) -> Any:  # noqa: A002 - the graph's name.
    context = info.context
    try:
        account = account_key_of(input.account)
    except BadUserInput as error:
        # An expected failure is data: as an error it would hide what became of the mutations before.
        return invalid([FieldIssue(path=["account", "id"], rule="id", message=error.message)])
    identity = new_identity(context)
    command = DepositCommand(
        *(account.server, account.login, input.amount, input.currency),
        reference=identity.reference,
        idempotency_key=str(identity.id),
        note=given(input.note),
    )
    asked = request(KIND, str(input.idempotency_key), command.meaning, context, identity)
    return await payload(asked, lambda: check(command, context), confirmed, context)
