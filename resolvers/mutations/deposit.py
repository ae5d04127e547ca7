from functools import partial
from typing import Annotated, Any

import strawberry

from core.commands import DepositCommand
from instructions.drafts import CheckedCommand
from instructions.progress import Outcome
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

KIND = "DEPOSIT"


@strawberry.input(description="Money to put on a trading account.")
class DepositInput(money.MoneyInput):
    pass


@public(OUTCOME)
@strawberry.type(description="The trading server has booked the deposit.")
class DepositConfirmed(money.MoneyConfirmed):
    pass


DepositPayload = Annotated[
    DepositConfirmed | InstructionPending | ValidationFailed | Refused | UpstreamFailed | IdempotencyConflict,
    strawberry.union("DepositPayload", description="The outcome of a deposit, or the reason of a failure."),
]


async def check(command: DepositCommand, context: Context) -> CheckedCommand:
    """The deposit with its client and its server. Raises InvalidInput, NotPermitted, UpstreamError."""
    limits = context.services.deposit_limits
    client, platform = await money.allowed(command, "deposit", limits, context)
    assert platform.deposits is not None
    one_open, apart = platform.money_history is None, platform.withdrawals is not None
    guards = limits.guards(command.currency, one_open=one_open, apart=apart)
    return CheckedCommand(client, command, partial(platform.deposits.prepare, command), guards)


def confirmed(outcome: Outcome) -> DepositConfirmed:
    return DepositConfirmed(instruction=outcome.instruction)  # type: ignore[arg-type]  # the record is the type's root.


_MUTATION = money.MoneyMutation(KIND, DepositCommand, check, confirmed)


async def deposit(info: Info, input: Annotated[DepositInput, INPUT]) -> Any:  # noqa: A002 - the graph's name.
    return await money.run(_MUTATION, input, info.context)
