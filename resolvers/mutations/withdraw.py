from decimal import Decimal
from functools import partial
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from core.commands import MoneyGuards, WithdrawalCommand
from core.errors import Rejected
from instructions.drafts import CheckedCommand
from instructions.progress import Outcome
from instructions.submit import NotPermitted
from resolvers.context import Context, Info
from resolvers.mutations import money
from resolvers.mutations.account_field import ProducedAccount, produced_account
from resolvers.mutations.failures import (
    IdempotencyConflict,
    InstructionPending,
    Refused,
    UpstreamFailed,
    ValidationFailed,
)
from resolvers.mutations.payload import INPUT, KEY
from resolvers.policy.authorization import OUTCOME, public
from resolvers.types.instruction import Instruction
from resolvers.types.lookup_inputs import TradingAccountBy
from resolvers.types.scalars import CurrencyCode
from upstreams.vendors.kit.protocol import Platform

KIND = "WITHDRAWAL"


@strawberry.input(description="Money to take off a trading account.")
class WithdrawInput:
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
@strawberry.type(description="The trading server has booked the withdrawal.")
class WithdrawalConfirmed:
    instruction: Instruction = strawberry.field(description="The instruction, with the server's ticket.")
    account: ProducedAccount = produced_account("The account as the ERP has it; null while the ERP is unavailable.")


WithdrawPayload = Annotated[
    WithdrawalConfirmed | InstructionPending | ValidationFailed | Refused | UpstreamFailed | IdempotencyConflict,
    strawberry.union("WithdrawPayload", description="The outcome of a withdrawal, or the reason of a failure."),
]


def guards(command: WithdrawalCommand, platform: Platform, context: Context) -> MoneyGuards:
    """The limits of the withdrawal. No deposit is sent between the check of its funds and its booking."""
    one_open = platform.money_history is None
    return context.services.withdrawal_limits.guards(command.currency, one_open=one_open, apart=True)


async def check(command: WithdrawalCommand, context: Context) -> CheckedCommand:
    """The withdrawal with its client and its server. Raises InvalidInput, NotPermitted, UpstreamError.

    The funds of a withdrawal that needs an approval are checked here and once more after the approval. The funds of
    others are checked once, right before they are sent.
    """
    limits = context.services.withdrawal_limits
    client, platform = await money.allowed(command, "withdrawal", limits, context)
    assert platform.withdrawals is not None
    most = limits.approval_above.get(command.currency)
    needs_approval = most is not None and command.amount > most
    if needs_approval:
        try:
            await platform.withdrawals.require_funds(command, context.call)
        except Rejected as error:
            raise NotPermitted(error.reason, error.message) from error
    prepare = partial(context.services.below_zero.prepare, platform.withdrawals, command)
    return CheckedCommand(client, command, prepare, guards(command, platform, context), needs_approval)


def confirmed(outcome: Outcome) -> WithdrawalConfirmed:
    return WithdrawalConfirmed(instruction=outcome.instruction)  # type: ignore[arg-type]  # the record is the root.


_MUTATION = money.MoneyMutation(KIND, WithdrawalCommand, check, confirmed)


async def withdraw(info: Info, input: Annotated[WithdrawInput, INPUT]) -> Any:  # noqa: A002 - the graph's name.
    return await money.run(_MUTATION, input, info.context)
