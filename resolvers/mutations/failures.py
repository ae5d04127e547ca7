"""The types for expected failures of mutations. Each implements MutationError."""

from dataclasses import replace
from typing import Any

import strawberry

from core.errors import Reason
from core.records import Failure, InstructionRecord
from resolvers.context import Caller
from resolvers.policy.authorization import OUTCOME, public
from resolvers.policy.enums import ErrorCode, RetryAdvice, UpstreamSystem
from resolvers.policy.scopes import Scope
from resolvers.types.instruction import Instruction

# Failures that the upstream caused, not the command.
_UPSTREAM_FAILURES = (Reason.UPSTREAM_UNAVAILABLE, Reason.UPSTREAM_REFUSED, Reason.RATE_LIMITED)
_NOT_ENOUGH = "The account has not enough money."


@public(OUTCOME)
@strawberry.interface(
    description="Every expected failure implements this interface. A caller reads code and retry without knowing the "
    "member."
)
class MutationError:
    code: ErrorCode = strawberry.field(description="The reason of the failure, for programs.")
    message: str = strawberry.field(description="The reason of the failure, for people.")
    retry: RetryAdvice = strawberry.field(description="Whether and how to repeat the mutation.")
    upstream_code: str | None = strawberry.field(
        description="The upstream's own code for the failure, for a question to the vendor."
    )


@public(OUTCOME)
@strawberry.type(description="One unacceptable input value.")
class FieldIssue:
    path: list[str] = strawberry.field(description="The path of the value in `input`.")
    rule: str = strawberry.field(description="The name of the broken rule.")
    message: str = strawberry.field(description="The values that would be acceptable.")


@public(OUTCOME)
@strawberry.type(description="The input has values that are not acceptable. Nothing was stored or sent.")
class ValidationFailed(MutationError):
    issues: list[FieldIssue] = strawberry.field(description="All mistakes of the input.")


@public(OUTCOME)
@strawberry.type(description="The graph or the upstream refused the command.")
class Refused(MutationError):
    pass


@public(OUTCOME)
@strawberry.type(description="The upstream could not apply the command. Nothing was done.")
class UpstreamFailed(MutationError):
    system: UpstreamSystem = strawberry.field(description="The upstream that failed.")
    retry_after_seconds: float | None = strawberry.field(
        description="The time before a repeat makes sense; null if it is not known."
    )


@public(OUTCOME)
@strawberry.type(description="The idempotency key was used before, for a command with another meaning.")
class IdempotencyConflict(MutationError):
    original: Instruction = strawberry.field(description="The earlier instruction with this key.")


@public(OUTCOME)
@strawberry.type(
    description="The outcome is not known yet, or another request with the same key still runs. Query the instruction "
    "until it has an outcome. A repeat with the same key is safe, a repeat with a new key is not."
)
class InstructionPending:
    instruction: Instruction = strawberry.field(description="The instruction in its current state.")


def failed(failure: Failure) -> Refused | UpstreamFailed:
    """The payload member for a failure that the ledger or the dispatcher reported."""
    facts: dict[str, Any] = {
        "code": ErrorCode(failure.code.value),
        "message": failure.message,
        "retry": RetryAdvice(failure.retry),
        "upstream_code": failure.upstream_code,
    }
    if failure.system is None or failure.code not in _UPSTREAM_FAILURES:
        return Refused(**facts)
    system = UpstreamSystem(failure.system)
    return UpstreamFailed(**facts, system=system, retry_after_seconds=failure.retry_after_seconds)


def without_figures(member: Any, caller: Caller) -> Any:
    """The payload member for this caller: only callers that may read balances learn how much can be withdrawn."""
    if (
        isinstance(member, Refused)
        and member.code is ErrorCode.INSUFFICIENT_FUNDS
        and not caller.may(Scope.BALANCE_READ)
    ):
        return replace(member, message=_NOT_ENOUGH)
    return member


def invalid(issues: list[FieldIssue]) -> ValidationFailed:
    return ValidationFailed(
        code=ErrorCode.VALIDATION_FAILED,
        message="; ".join(issue.message for issue in issues),
        retry=RetryAdvice.NEVER,
        upstream_code=None,
        issues=issues,
    )


def conflict(original: InstructionRecord | None) -> IdempotencyConflict | Refused:
    """The failure shows the original to callers that may see it. To other callers it only says that the key is used."""
    facts: dict[str, Any] = {
        "code": ErrorCode.IDEMPOTENCY_KEY_REUSED,
        "message": "This idempotency key was used before for something else; choose a new one.",
        "retry": RetryAdvice.NEW_KEY,
        "upstream_code": None,
    }
    if original is None:
        return Refused(**facts)
    return IdempotencyConflict(**facts, original=original)  # type: ignore[arg-type]  # the record is the type's root.
