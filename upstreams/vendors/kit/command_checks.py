"""Checks of a command before anything is sent, for all platforms."""

from decimal import Decimal

from core.commands import MoneyCommand
from core.errors import Reason
from core.money import format_amount
from upstreams.http.failures import Failures

# MT4 stores a comment in 32 bytes, of which the last is a terminator, and truncates longer comments silently [C, public
# headers].
LONGEST_REFERENCE = 31
# A vendor's Idempotency-Key: up to 255 printable ASCII characters [D, C-py].
LONGEST_KEY = 255
# A double holds any 15 decimal digits. A 16th digit may change.
EXACT_DOUBLE_DIGITS = 15


def check_money(command: MoneyCommand, failures: Failures) -> None:
    """Raise Rejected for a deposit or withdrawal that a vendor would read as another command."""
    if not command.amount.is_finite() or command.amount <= 0:
        # A negative deposit is a withdrawal on every platform, and the reverse.
        raise failures.rejected(Reason.VALIDATION_FAILED, "The amount is greater than zero.")
    check_reference(command.reference)


def check_reference(reference: str) -> None:
    """Raise ValueError for a bad reference. brokergraph makes the reference, so that a bad reference is our own
    defect.
    """
    if not 0 < len(reference) <= LONGEST_REFERENCE or not reference.isascii() or not reference.isprintable():
        raise ValueError(f"a reference is 1 to {LONGEST_REFERENCE} printable ASCII characters: {reference!r}")


def check_key(key: str) -> None:
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise ValueError("an idempotency key is 1 to 255 printable ASCII characters")


def check_exact_double(amount: Decimal, failures: Failures) -> None:
    """Raise Rejected for an amount that a double cannot hold, because the vendor would round it."""
    if len(amount.normalize().as_tuple().digits) > EXACT_DOUBLE_DIGITS:
        raise failures.rejected(Reason.LIMIT_EXCEEDED, "The platform cannot hold so many digits exactly.")


def check_funds(
    command: MoneyCommand, balance: Decimal, credit: Decimal, free_margin: Decimal | None, failures: Failures
) -> None:
    """Raise Rejected for a withdrawal of more than the balance, or than the free margin without the credit [C].

    `free_margin` is None for an account without an open trade.
    """
    most = max(Decimal(0), balance if free_margin is None else min(balance, free_margin - credit))
    if command.amount > most:
        message = f"At most {format_amount(most)} {command.currency} can be withdrawn now."
        raise failures.rejected(Reason.INSUFFICIENT_FUNDS, message)
