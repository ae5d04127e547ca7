"""How every mutation proceeds: the key first, then the checks, then the ledger, then the vendor. Knows no GraphQL."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.call import Call
from core.errors import ERP_DATABASE, Reason, Unavailable, UpstreamError
from core.records import Failure, InstructionRecord
from core.visibility import Visibility
from instructions.dispatcher import ANSWER_SECONDS, Dispatcher, Outcome, Preparation
from instructions.failpoints import Step, passed
from upstreams.state.deposit_limits import NotAccepted
from upstreams.state.instructions import Ledger, NewInstruction, request_hash

_KEY = re.compile(r"[ -~]{1,255}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Issue:
    """An unacceptable input value: where, which rule, what would be acceptable."""

    path: tuple[str, ...]
    rule: str
    message: str


class Invalid(Exception):
    """The input cannot be accepted; nothing was written down."""

    def __init__(self, *issues: Issue) -> None:
        super().__init__(issues)
        self.issues = issues


class Declined(Exception):
    """It may not be done; nothing was written down, and the key is not used up."""

    def __init__(self, code: Reason, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(code=code, message=message, retry="NEVER")


class KeyReused(Exception):
    """The key belongs to another instruction: `original`, or None where the caller may not see it."""

    def __init__(self, original: InstructionRecord | None) -> None:
        super().__init__("idempotency key reused")
        self.original = original


@dataclass(frozen=True, slots=True)
class Order:
    """What a mutation has decided to do once its checks have passed."""

    instruction: NewInstruction
    prepare: Preparation


@dataclass(frozen=True, slots=True)
class Request:
    """One mutation as asked: `meaning` is everything in its input but the key; `visible` what its caller may
    see.
    """

    kind: str
    principal: str
    idempotency_key: str
    meaning: Mapping[str, Any]
    visible: Visibility

    def may_see(self, instruction: InstructionRecord) -> bool:
        return self.visible.includes(instruction)


async def instruct(
    request: Request, check: Callable[[], Awaitable[Order]], ledger: Ledger, dispatcher: Dispatcher, call: Call
) -> Outcome:
    """Carry the request out, or return what became of it when it was asked before.

    Raises Invalid, Declined, KeyReused, or UpstreamError where nothing could be written down.
    """
    if not _KEY.fullmatch(request.idempotency_key):
        rule = "1 to 255 printable ASCII characters"
        raise Invalid(Issue(("idempotencyKey",), "idempotency-key", f"idempotencyKey must be {rule}."))
    passed(Step.ASKED)
    try:
        # Past the deadline the whole answer would be given up, and with it the outcomes of the mutations before.
        async with asyncio.timeout(max(0.0, call.deadline.remaining() - ANSWER_SECONDS)):
            found = await _checked(request, check, ledger)
    except TimeoutError as error:
        message = (
            "There was no time left to write the instruction down, so nothing was sent. Try again with the same key."
        )
        raise Unavailable(message, system=ERP_DATABASE) from error
    if isinstance(found, Outcome):
        return found
    draft = ledger.draft(found.instruction)
    try:
        outcome = await dispatcher.run(draft, found.prepare, call)
    except NotAccepted as error:
        raise Declined(error.reason, error.message) from error
    return outcome if outcome.instruction.id == draft.id else _replayed(outcome.instruction, request)


async def _checked(request: Request, check: Callable[[], Awaitable[Order]], ledger: Ledger) -> Outcome | Order:
    """What is to be done, once all checks have passed; or what became of the instruction that has the key."""
    known = await ledger.by_key(request.principal, request.idempotency_key)
    passed(Step.KEY_LOOKED_UP)
    if known is not None and request.may_see(known):
        return _replayed(known, request)
    if known is None:
        ledger.access.require()
    order = await check()
    passed(Step.CHECKED)
    # Another key of the same principal gave it, for an agency that is not this caller's: to them a client of that
    # agency does not exist, as the checks have just said of every order for one.
    return order if known is None else _replayed(known, request)


def _replayed(known: InstructionRecord, request: Request) -> Outcome:
    if known.request_hash != request_hash(request.kind, request.meaning):
        raise KeyReused(known if request.may_see(known) else None)
    return Outcome(known)


def not_written_down(error: UpstreamError) -> Failure:
    """The failure for a request that ended before it was an instruction: its key is still free."""
    return Failure(
        code=error.reason,
        message=error.message,
        retry="SAME_KEY",
        upstream_code=error.upstream_code,
        system=error.system,
        retry_after_seconds=error.retry_after_seconds,
    )
