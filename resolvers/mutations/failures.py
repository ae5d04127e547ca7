"""Everything that an expected failure of a mutation can be, all under MutationError."""

from typing import Any

import strawberry

from core.errors import Reason
from core.records import Failure, InstructionRecord
from resolvers.policy.authorization import OUTCOME, public
from resolvers.policy.enums import ErrorCode, RetryAdvice, UpstreamSystem
from resolvers.types.instruction import Instruction

# What went wrong is the upstream's doing rather than the order's.
_UPSTREAM_FAILURES = (Reason.UPSTREAM_UNAVAILABLE, Reason.UPSTREAM_REFUSED, Reason.RATE_LIMITED)


@public(OUTCOME)
@strawberry.interface(
    description="Every expected failure implements this interface. A caller reads code and retry without knowing the "
    "member."
)
class MutationError:
    code: ErrorCode = strawberry.field(description="What went wrong, to decide on.")
    message: str = strawberry.field(description="What went wrong, to read.")
    retry: RetryAdvice = strawberry.field(description="What to do.")
    upstream_code: str | None = strawberry.field(description="The upstream's own code for it, to quote to the vendor.")


@public(OUTCOME)
@strawberry.type(description="One unacceptable input value.")
class FieldIssue:
    path: list[str] = strawberry.field(description="Where in `input`.")
    rule: str = strawberry.field(description="The rule that it breaks, by name.")
    message: str = strawberry.field(description="What would be acceptable.")


@public(OUTCOME)
@strawberry.type(description="The input is well formed and cannot be accepted; nothing was written down or sent.")
class ValidationFailed(MutationError):
    issues: list[FieldIssue] = strawberry.field(description="Everything that is wrong with it.")


@public(OUTCOME)
@strawberry.type(description="It may not be done, says the graph or the upstream.")
class Refused(MutationError):
    pass


@public(OUTCOME)
@strawberry.type(description="The upstream could not do it; nothing was done.")
class UpstreamFailed(MutationError):
    system: UpstreamSystem = strawberry.field(description="Which system.")
    retry_after_seconds: float | None = strawberry.field(description="When to try again, where that is known.")


@public(OUTCOME)
@strawberry.type(description="The key was used before, for something else.")
class IdempotencyConflict(MutationError):
    original: Instruction = strawberry.field(description="What the key was used for.")


@public(OUTCOME)
@strawberry.type(
    description="The outcome is not known yet, or a twin with the same key is under way. Follow the instruction; the "
    "same key is safe to repeat, a new key is not."
)
class InstructionPending:
    instruction: Instruction = strawberry.field(description="The instruction as it stands.")


def failed(failure: Failure) -> Refused | UpstreamFailed:
    """The payload member for a failure of the ledger's or the dispatcher's."""
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


def invalid(issues: list[FieldIssue]) -> ValidationFailed:
    return ValidationFailed(
        code=ErrorCode.VALIDATION_FAILED,
        message="; ".join(issue.message for issue in issues),
        retry=RetryAdvice.NEVER,
        upstream_code=None,
        issues=issues,
    )


def conflict(original: InstructionRecord | None) -> IdempotencyConflict | Refused:
    """The original is shown to callers that may see it; other callers learn only that the key is taken."""
    facts: dict[str, Any] = {
        "code": ErrorCode.IDEMPOTENCY_KEY_REUSED,
        "message": "This idempotency key was used before for something else; choose a new one.",
        "retry": RetryAdvice.NEW_KEY,
        "upstream_code": None,
    }
    if original is None:
        return Refused(**facts)
    return IdempotencyConflict(**facts, original=original)  # type: ignore[arg-type]  # the record is the type's root.
