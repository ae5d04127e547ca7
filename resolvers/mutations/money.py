"""What deposits and withdrawals have in common: their input, their checks, and their account."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import strawberry
from strawberry import UNSET

from core.commands import MoneyCommand
from core.errors import Reason
from core.money import format_amount, is_whole, quantum
from core.records import AccountKey, AccountRecord, ClientRecord
from instructions.drafts import CheckedCommand
from instructions.progress import Outcome
from instructions.submit import InputIssue, InvalidInput, NotPermitted
from resolvers.context import Context, MoneyLimits
from resolvers.fields.connections import given
from resolvers.fields.loaders import accounts_by_key, clients_by_number
from resolvers.mutations.account_field import ProducedAccount, produced_account
from resolvers.mutations.failures import FieldIssue, invalid, without_figures
from resolvers.mutations.payload import KEY, new_identity, payload, request
from resolvers.policy.enums import ClientStanding
from resolvers.policy.errors import BadUserInput
from resolvers.types.instruction import Instruction
from resolvers.types.lookup_inputs import TradingAccountBy, account_key_of
from resolvers.types.scalars import CurrencyCode
from resolvers.types.standing import standing
from resolvers.types.trading_account import is_demo_account
from upstreams.vendors.kit.protocol import Platform

# Because instructions are never deleted, a note is short.
LONGEST_NOTE = 1000


@strawberry.input
class MoneyInput:
    """The fields of both inputs."""

    account: TradingAccountBy = strawberry.field(description="The account.")
    amount: Decimal = strawberry.field(
        description="The amount: more than zero, and with no more decimal places than the currency has."
    )
    currency: CurrencyCode = strawberry.field(
        description="The currency of the amount. It must be the account's currency."
    )
    idempotency_key: strawberry.ID = strawberry.field(description=KEY)
    note: str | None = strawberry.field(default=UNSET, description="A remark that is stored with the instruction.")


@strawberry.type
class MoneyConfirmed:
    """The fields of both members for success."""

    instruction: Instruction = strawberry.field(description="The instruction, with the server's ticket.")
    account: ProducedAccount = produced_account("The account as the ERP has it; null while the ERP is unavailable.")


def issues(command: MoneyCommand) -> list[InputIssue]:
    """The mistakes that are found without the account."""
    if command.amount <= 0:
        return [InputIssue(("amount",), "positive", "amount must be more than zero.")]
    if not is_whole(command.amount, command.currency):
        least = format_amount(quantum(command.currency))
        return [InputIssue(("amount",), "quantum", f"amount must be a multiple of {least} {command.currency}.")]
    if command.note is not None and len(command.note) > LONGEST_NOTE:
        return [InputIssue(("note",), "length", f"note must have at most {LONGEST_NOTE} characters.")]
    return []


async def allowed(
    command: MoneyCommand, what: str, limits: MoneyLimits, context: Context
) -> tuple[ClientRecord, Platform]:
    """The client and the server of a `what` ("deposit", "withdrawal"). Raises InvalidInput, NotPermitted,
    UpstreamError.
    """
    if found := issues(command):
        raise InvalidInput(*found)
    most = limits.maximum.get(command.currency)
    if most is not None and command.amount > most:
        raise NotPermitted(
            Reason.LIMIT_EXCEEDED, f"One {what} may be at most {format_amount(most)} {command.currency}."
        )
    account, client = await account_and_client(command, context)
    platform = context.services.upstreams.platforms.get(account.server)
    if platform is None or getattr(platform, f"{what}s") is None:
        raise NotPermitted(Reason.NOT_SUPPORTED, f"{what.capitalize()}s on {account.server} are not possible.")
    if is_demo_account(account, context) and not limits.allow_demo:
        message = f"The account's group {account.group_name} is one of demo accounts, which take no {what}s."
        raise NotPermitted(Reason.DEMO_CONNECTION_NOT_ALLOWED, message)
    if account.currency != command.currency:
        message = f"currency must be the account's, {account.currency}."
        raise InvalidInput(InputIssue(("currency",), "account-currency", message))
    if standing(client) is not ClientStanding.OK:
        raise NotPermitted(Reason.CLIENT_RESTRICTED, "The client is restricted; review the case in the ERP.")
    return client, platform


async def account_and_client(command: MoneyCommand, context: Context) -> tuple[AccountRecord, ClientRecord]:
    """Raises UpstreamError, and NotPermitted if the caller may not see the account or it does not exist."""
    account: AccountRecord | None = await context.load(accounts_by_key, AccountKey(command.server, command.login))
    client: ClientRecord | None = None
    if account is not None:
        client = await context.load(clients_by_number, account.client_number)
    if account is None or client is None:
        raise NotPermitted(Reason.NOT_FOUND, "There is no such trading account.")
    return account, client


@dataclass(frozen=True, slots=True)
class MoneyMutation:
    """What distinguishes a deposit from a withdrawal. `confirmed` makes the payload's member for success."""

    kind: str
    command: Callable[..., MoneyCommand]
    check: Callable[[Any, Context], Awaitable[CheckedCommand]]
    confirmed: Callable[[Outcome], Any]


async def run(mutation: MoneyMutation, input: MoneyInput, context: Context) -> Any:  # noqa: A002 - the graph's name.
    """The payload of a mutation that moves money."""
    try:
        account = account_key_of(input.account)
    except BadUserInput as error:
        # An expected failure is data: as an error it would hide what became of the mutations before.
        return invalid([FieldIssue(path=["account", "id"], rule="id", message=error.message)])
    identity = new_identity(context, str(input.idempotency_key))
    command = mutation.command(
        *(account.server, account.login, input.amount, input.currency),
        reference=identity.reference,
        idempotency_key=str(identity.id),
        note=given(input.note),
    )
    asked = request(mutation.kind, str(input.idempotency_key), command.meaning, context, identity)
    member = await payload(asked, partial(mutation.check, command, context), mutation.confirmed, context)
    return without_figures(member, context.caller)
