"""The decisions about an instruction that waits for an approval."""

from functools import partial
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from core.commands import WithdrawalCommand
from core.errors import Reason, UpstreamError
from core.records import Failure, InstructionRecord
from instructions.approvals import approval, expire_waiting, has_decided, refusal_by, refusal_of_other_client
from instructions.progress import Outcome
from instructions.submit import InvalidInput, NotPermitted
from instructions.vendor_commands import money_command
from resolvers.context import Context, Info
from resolvers.fields.connections import given
from resolvers.fields.ids import INSTRUCTION_ID
from resolvers.fields.loaders import instructions_by_id
from resolvers.mutations import money, withdraw
from resolvers.mutations.failures import (
    FieldIssue,
    InstructionPending,
    Refused,
    UpstreamFailed,
    ValidationFailed,
    failed,
    invalid,
    without_figures,
)
from resolvers.mutations.payload import member_of, refusal
from resolvers.policy.authorization import OUTCOME, public
from resolvers.policy.enums import ErrorCode, RetryAdvice
from resolvers.policy.errors import BadUserInput
from resolvers.types.instruction import Instruction
from upstreams.state.money_limits import LimitReached

_OWN = "The principal that gave the command cannot decide about it."
_NOT_WAITING = "The instruction does not wait for an approval."
_INPUT = strawberry.argument(description="The instruction, and the reason of the decision.")


@strawberry.input(description="A decision about an instruction that waits for an approval.")
class DecideInstructionInput:
    id: strawberry.ID = strawberry.field(description="The instruction's node id.")
    reason: str | None = strawberry.field(
        default=UNSET, description="The reason, which is stored with the event of the decision."
    )


@public(OUTCOME)
@strawberry.type(description="The decision is stored. After an approval the upstream has also applied the command.")
class InstructionDecided:
    instruction: Instruction = strawberry.field(description="The instruction after the decision.")


DecideInstructionPayload = Annotated[
    InstructionDecided | InstructionPending | ValidationFailed | Refused | UpstreamFailed,
    strawberry.union("DecideInstructionPayload", description="The outcome of a decision, or the reason of a failure."),
]


async def approve_instruction(info: Info, input: Annotated[DecideInstructionInput, _INPUT]) -> Any:  # noqa: A002
    return await _decide(input, info.context, approve=True)


async def decline_instruction(info: Info, input: Annotated[DecideInstructionInput, _INPUT]) -> Any:  # noqa: A002
    return await _decide(input, info.context, approve=False)


async def _decide(asked: DecideInstructionInput, context: Context, *, approve: bool) -> Any:
    reason = given(asked.reason)
    if reason is not None and len(reason) > money.LONGEST_NOTE:
        message = f"reason must have at most {money.LONGEST_NOTE} characters."
        return invalid([FieldIssue(path=["reason"], rule="length", message=message)])
    try:
        key = INSTRUCTION_ID.key(asked.id)
    except BadUserInput as error:
        return invalid([FieldIssue(path=["id"], rule="id", message=error.message)])
    try:
        found = await _decided(key, reason, context, approve=approve)
    except (InvalidInput, NotPermitted) as error:
        return refusal(error)
    except LimitReached as error:
        return refusal(NotPermitted(error.reason, error.message))
    except UpstreamError as error:
        return failed(Failure(code=error.reason, message=error.message, retry="AFTER_DELAY", system=error.system))
    context.forget()
    return without_figures(found, context.caller)


async def _decided(key: Any, reason: str | None, context: Context, *, approve: bool) -> Any:
    services = context.services
    ledger, hours = services.upstreams.state.ledger, services.withdrawal_limits.approval_expires_hours
    await expire_waiting(ledger, hours)
    context.forget()
    waiting: InstructionRecord | None = await context.load(instructions_by_id, key)
    if waiting is None:
        raise NotPermitted(Reason.NOT_FOUND, "There is no such instruction.")
    if waiting.principal == context.caller.principal:
        return _refused(ErrorCode.OWN_APPROVAL, _OWN)
    if waiting.status == "NEEDS_APPROVAL":
        stored = await (_approve if approve else _decline)(waiting, reason, context)
        if stored is not None:
            return stored
        context.forget()
        waiting = await context.load(instructions_by_id, key)
        assert waiting is not None
    return await _replayed(waiting, context, approve=approve)


async def _approve(waiting: InstructionRecord, reason: str | None, context: Context) -> Any:
    command = money_command(waiting)
    assert isinstance(command, WithdrawalCommand)
    client, platform = await money.allowed(command, "withdrawal", context.services.withdrawal_limits, context)
    assert platform.withdrawals is not None
    if client.client_number != waiting.client_number:
        refused = await context.services.upstreams.state.ledger.advance(waiting, refusal_of_other_client())
        return member_of(Outcome(refused), _confirmed)
    move, guards = approval(context.caller.principal, reason), withdraw.guards(command, platform, context)
    prepare = partial(context.services.below_zero.prepare, platform.withdrawals, command)
    outcome = await context.services.dispatcher.approve(waiting, move, guards, prepare, context.call)
    return None if outcome is None else member_of(outcome, _confirmed)


async def _decline(waiting: InstructionRecord, reason: str | None, context: Context) -> Any:
    """Nothing is returned, so that the stored decision is read: another principal may have been faster."""
    ledger = context.services.upstreams.state.ledger
    await ledger.advance(waiting, refusal_by(context.caller.principal, reason))


async def _replayed(decided: InstructionRecord, context: Context, *, approve: bool) -> Any:
    """The answer for an instruction that does not wait: the same decision of the same principal is a replay."""
    if decided.failure is not None and decided.failure.code is Reason.APPROVAL_EXPIRED:
        return failed(decided.failure)
    events = (await context.services.upstreams.state.ledger.events([decided.id], context.call)).get(decided.id, [])
    if not has_decided(events, context.caller.principal, approve=approve):
        return _refused(ErrorCode.NOT_WAITING, _NOT_WAITING)
    return member_of(Outcome(decided), _confirmed) if approve else _confirmed(Outcome(decided))


def _confirmed(outcome: Outcome) -> InstructionDecided:
    return InstructionDecided(instruction=outcome.instruction)  # type: ignore[arg-type]  # the record is the root.


def _refused(code: ErrorCode, message: str) -> Refused:
    return Refused(code=code, message=message, retry=RetryAdvice.NEVER, upstream_code=None)
