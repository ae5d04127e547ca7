"""What a vendor's answer makes of an instruction: the one place that says so, for whoever got the answer."""

from core.commands import DepositReceipt, NewAccountReceipt
from core.errors import Unavailable, UpstreamError
from core.records import Failure
from upstreams.state.instructions import Advance


def confirmation(receipt: DepositReceipt | NewAccountReceipt | None, actor: str, note: str | None = None) -> Advance:
    """The move that a vendor's yes makes."""
    if isinstance(receipt, NewAccountReceipt):
        return Advance(
            "CONFIRMED",
            actor,
            note=note,
            server=receipt.server,
            login=receipt.login,
            upstream_reference=receipt.login,
            existed=receipt.existed,
        )
    reference = receipt.upstream_reference if receipt else None
    return Advance("CONFIRMED", actor, note=note, upstream_reference=reference)


def refusal(error: UpstreamError, actor: str) -> Advance:
    """The move for a final no, or for an order that provably never left: both end the instruction."""
    unsent = isinstance(error, Unavailable)
    failure = Failure(
        code=error.reason,
        message=error.message,
        retry="NEW_KEY" if unsent else "NEVER",
        upstream_code=error.upstream_code,
        system=error.system,
        retry_after_seconds=error.retry_after_seconds,
    )
    return Advance("REJECTED", actor, note="never sent" if unsent else "refused by the upstream", failure=failure)


def doubt(error: UpstreamError, actor: str) -> Advance:
    """The move for an order that may have been applied."""
    note = f"outcome unknown ({error.upstream_code})" if error.upstream_code else "outcome unknown"
    return Advance("UNKNOWN", actor, note=note, upstream_reference=error.upstream_reference)
