"""Approvals: another principal approves or declines an instruction that waits, or the time for it ends."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from core.errors import Reason
from core.outage import Outage
from core.records import Failure, InstructionEventRecord
from upstreams.state.instructions import Ledger, Transition

log = structlog.get_logger(__name__)

_BATCH = 100
_EVERY_SECONDS = 60.0
_ACTOR = "approvals"


def approval(principal: str, reason: str | None) -> Transition:
    return Transition("RECEIVED", principal, note=reason)


def refusal_by(principal: str, reason: str | None) -> Transition:
    failure = Failure(code=Reason.DECLINED, message="The withdrawal was declined.", retry="NEVER")
    return Transition("REJECTED", principal, note=reason, failure=failure)


def refusal_of_other_client() -> Transition:
    """The refusal of an account that has another client than at the order. No principal decided."""
    failure = Failure(
        code=Reason.DECLINED,
        message="The account has another client than when the withdrawal was ordered.",
        retry="NEVER",
    )
    return Transition("REJECTED", _ACTOR, note="another client", failure=failure)


def has_decided(events: Sequence[InstructionEventRecord], principal: str, *, approve: bool) -> bool:
    """Whether this principal made the same decision before. The decision is the event after the first one."""
    decision = events[1:2]
    status = "RECEIVED" if approve else "REJECTED"
    return any(event.actor == principal and event.status == status for event in decision)


async def expire_waiting(ledger: Ledger, hours: float) -> None:
    """Reject the instructions that have waited for longer than the hours. Raises UpstreamError.

    No principal decided, so that the event has none as its actor, also if a decision about another instruction causes
    the call.
    """
    failure = Failure(
        code=Reason.APPROVAL_EXPIRED,
        message=f"No other principal approved the withdrawal within {hours:g} hours.",
        retry="NEW_KEY",
    )
    while waiting := await ledger.expired(hours, _BATCH):
        for instruction in waiting:
            await ledger.advance(
                instruction, Transition("REJECTED", _ACTOR, note="not approved in time", failure=failure)
            )


async def keep_expiring(ledger: Ledger, hours: float, pause: Callable[[float], Awaitable[None]]) -> None:
    """Reject what has waited too long, once a minute. This never ends."""
    outage = Outage(log, "approvals.not_expired", "approvals.expire_again")
    await outage.repeat(partial(expire_waiting, ledger, hours), pause, _EVERY_SECONDS)
