"""Makes the payload of a mutation from the outcome of its instruction."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import strawberry

from core.errors import UpstreamError
from instructions.drafts import CheckedCommand, CommandRequest, Identity
from instructions.failpoints import Failpoint, reached
from instructions.progress import Outcome
from instructions.submit import (
    IdempotencyKeyReused,
    InvalidInput,
    NotPermitted,
    failure_without_row,
    submit,
)
from resolvers.context import Context
from resolvers.mutations.failures import FieldIssue, InstructionPending, conflict, failed, invalid

KEY = "1 to 255 printable ASCII characters, chosen by the caller. A repeat of the same command must use the same key."
INPUT = strawberry.argument(description="The values of the command, and its idempotency key.")


async def payload(
    request: CommandRequest,
    check: Callable[[], Awaitable[CheckedCommand]],
    confirmed: Callable[[Outcome], Any],
    context: Context,
) -> Any:
    """The payload member for the outcome of the request. `confirmed` makes the member for success."""
    services = context.services
    context.forget()
    try:
        outcome = await submit(request, check, services.upstreams.state.ledger, services.dispatcher, context.call)
    except (InvalidInput, NotPermitted, IdempotencyKeyReused, UpstreamError) as error:
        return refusal(error)
    reached(Failpoint.REPLYING)
    context.forget()
    return member_of(outcome, confirmed)


def member_of(outcome: Outcome, confirmed: Callable[[Outcome], Any]) -> Any:
    """The payload member for the current state of the instruction."""
    instruction = outcome.instruction
    if instruction.status == "CONFIRMED":
        return confirmed(outcome)
    if instruction.failure is not None:
        return failed(instruction.failure)
    return InstructionPending(instruction=instruction)  # type: ignore[arg-type]  # the record is the type's root.


def refusal(error: InvalidInput | NotPermitted | IdempotencyKeyReused | UpstreamError) -> Any:
    match error:
        case InvalidInput():
            return invalid([FieldIssue(path=list(i.path), rule=i.rule, message=i.message) for i in error.issues])
        case NotPermitted():
            return failed(error.failure)
        case IdempotencyKeyReused():
            return conflict(error.original)
        case UpstreamError():
            return failed(failure_without_row(error))


def new_identity(context: Context, key: str) -> Identity:
    return Identity.new(context.caller.principal, key, context.services.clock.now())


def request(
    kind: str, key: str, meaning: Mapping[str, Any], context: Context, identity: Identity | None = None
) -> CommandRequest:
    caller = context.caller
    return CommandRequest(identity or new_identity(context, key), kind, caller.principal, key, meaning, caller.visible)
