from functools import partial
from typing import Annotated, Any

import strawberry

from core.commands import MoneyGuards, WithdrawalCommand
from core.errors import Rejected
from instructions.drafts import CheckedCommand
from instructions.progress import Outcome
from instructions.submit import NotPermitted
from resolvers.context import Context, Info
from resolvers.mutations import money
from resolvers.mutations.failures import (
    IdempotencyConflict,
    InstructionPending,
    Refused,
    UpstreamFailed,
    ValidationFailed,
)
from resolvers.mutations.payload import INPUT
from resolvers.policy.authorization import OUTCOME, public
from upstreams.vendors.kit.protocol import Platform

KIND = "WITHDRAWAL"


@strawberry.input(description="Money to take off a trading account.")
class WithdrawInput(money.MoneyInput):
    pass


@public(OUTCOME)
@strawberry.type(description="The trading server has booked the withdrawal.")
class WithdrawalConfirmed(money.MoneyConfirmed):
    pass


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
