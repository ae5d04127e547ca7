"""State transitions for a vendor's answer. Only this module maps answers to statuses."""

from core.commands import MoneyReceipt, NewAccountReceipt
from core.errors import Unavailable, UpstreamError
from core.records import Failure
from upstreams.state.instructions import Transition


def confirmation(receipt: MoneyReceipt | NewAccountReceipt | None, actor: str, note: str | None = None) -> Transition:
    """The transition after the vendor has confirmed the command."""
    if isinstance(receipt, NewAccountReceipt):
        return Transition(
            "CONFIRMED",
            actor,
            note=note,
            server=receipt.server,
            login=receipt.login,
            upstream_reference=receipt.login,
            existed=receipt.existed,
        )
    reference = receipt.upstream_reference if receipt else None
    return Transition("CONFIRMED", actor, note=note, upstream_reference=reference)


def refusal(error: UpstreamError, actor: str) -> Transition:
    """The transition after a final refusal, or for a command that was provably not sent. REJECTED is final."""
    unsent = isinstance(error, Unavailable)
    failure = Failure(
        code=error.reason,
        message=error.message,
        retry="NEW_KEY" if unsent else "NEVER",
        upstream_code=error.upstream_code,
        system=error.system,
        retry_after_seconds=error.retry_after_seconds,
    )
    return Transition("REJECTED", actor, note="never sent" if unsent else "refused by the upstream", failure=failure)


def doubt(error: UpstreamError, actor: str) -> Transition:
    """The transition for a command that may have been applied."""
    note = f"outcome unknown ({error.upstream_code})" if error.upstream_code else "outcome unknown"
    return Transition("UNKNOWN", actor, note=note, upstream_reference=error.upstream_reference)
