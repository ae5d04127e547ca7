"""The steps of every mutation: idempotency key, checks, ledger, vendor. This package does not depend on GraphQL or
HTTP.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.call import Call
from core.errors import ERP_DATABASE, Reason, Unavailable, UpstreamError
from core.records import Failure, InstructionRecord
from instructions.dispatcher import ANSWER_SECONDS, Dispatcher
from instructions.drafts import CheckedCommand, CommandRequest, request_hash
from instructions.failpoints import Failpoint, reached
from instructions.progress import Outcome
from upstreams.state.instructions import Ledger
from upstreams.state.money_limits import LimitReached

_KEY = re.compile(r"[ -~]{1,255}", re.ASCII)


@dataclass(frozen=True, slots=True)
class InputIssue:
    """An unacceptable input value: its path, the rule that it breaks, and what is acceptable."""

    path: tuple[str, ...]
    rule: str
    message: str


class InvalidInput(Exception):
    """The input cannot be accepted. No row was written."""

    def __init__(self, *issues: InputIssue) -> None:
        super().__init__(issues)
        self.issues = issues


class NotPermitted(Exception):
    """The command is not permitted. No row was written, and the key is still free."""

    def __init__(self, code: Reason, message: str) -> None:
        super().__init__(message)
        is_for_now = code is Reason.REQUEST_ALREADY_PENDING
        self.failure = Failure(code=code, message=message, retry="AFTER_DELAY" if is_for_now else "NEVER")


class IdempotencyKeyReused(Exception):
    """The key belongs to another command: `original`, or None if the caller may not see this command."""

    def __init__(self, original: InstructionRecord | None) -> None:
        super().__init__("idempotency key reused")
        self.original = original


async def submit(
    request: CommandRequest,
    check: Callable[[], Awaitable[CheckedCommand]],
    ledger: Ledger,
    dispatcher: Dispatcher,
    call: Call,
) -> Outcome:
    """Run the command, or return the outcome of the earlier command with the same key.

    Raises InvalidInput, NotPermitted, IdempotencyKeyReused, or UpstreamError if no row could be written.
    """
    if not _KEY.fullmatch(request.idempotency_key):
        rule = "1 to 255 printable ASCII characters"
        raise InvalidInput(InputIssue(("idempotencyKey",), "idempotency-key", f"idempotencyKey must be {rule}."))
    reached(Failpoint.ASKED)
    try:
        # After the deadline the whole answer would be lost, including the outcomes of the earlier mutations of the
        # operation.
        async with asyncio.timeout(max(0.0, call.deadline.remaining() - ANSWER_SECONDS)):
            found = await _checked(request, check, ledger)
    except TimeoutError as error:
        what = "The deadline passed before the instruction could be stored, so nothing was sent."
        message = f"{what} Repeat it with the same key."
        raise Unavailable(message, system=ERP_DATABASE) from error
    if isinstance(found, Outcome):
        return found
    try:
        outcome = await dispatcher.run(request.draft(found), found.guards, found.prepare, call)
    except LimitReached as error:
        raise NotPermitted(error.reason, error.message) from error
    is_new = outcome.instruction.reference == request.identity.reference
    return outcome if is_new else _replayed(outcome.instruction, request)


async def _checked(
    request: CommandRequest, check: Callable[[], Awaitable[CheckedCommand]], ledger: Ledger
) -> Outcome | CheckedCommand:
    """The command after all checks, or the outcome of the earlier instruction with the key."""
    known = await ledger.by_key(request.principal, request.idempotency_key)
    reached(Failpoint.KEY_LOOKED_UP)
    if known is not None and request.may_see(known):
        return _replayed(known, request)
    if known is None:
        ledger.access.require()
    checked = await check()
    reached(Failpoint.CHECKED)
    # If `known` is not None here, another API key of the principal used the idempotency key for an agency that this
    # caller may not see. The checks run first, because the clients of this agency do not exist for this caller.
    return checked if known is None else _replayed(known, request)


def _replayed(known: InstructionRecord, request: CommandRequest) -> Outcome:
    if known.request_hash != request_hash(request.kind, request.meaning):
        raise IdempotencyKeyReused(known if request.may_see(known) else None)
    return Outcome(known)


def failure_without_row(error: UpstreamError) -> Failure:
    """The failure of a command without a row. Its key is still free."""
    return Failure(
        code=error.reason,
        message=error.message,
        retry="SAME_KEY",
        upstream_code=error.upstream_code,
        system=error.system,
        retry_after_seconds=error.retry_after_seconds,
    )
