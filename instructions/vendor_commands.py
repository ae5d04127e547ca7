"""From an instruction to the vendor's command. Sending, searching and finishing use the same one."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from core.commands import AccountRequestCommand, DepositCommand, NewAccountCommand
from core.money import format_amount
from core.records import InstructionRecord


def deposit_command(instruction: InstructionRecord) -> DepositCommand:
    """The deposit. The instruction's reference is the vendor's comment, its id the vendor's idempotency key."""
    assert instruction.login is not None
    assert instruction.amount is not None
    assert instruction.currency is not None
    return DepositCommand(
        login=instruction.login,
        amount=instruction.amount,
        currency=instruction.currency,
        reference=instruction.reference,
        idempotency_key=str(instruction.id),
    )


def account_details(group: str, name: str, leverage: Decimal | None, email: str | None) -> dict[str, Any]:
    """What an instruction stores of a command for a new account."""
    return {
        "group": group,
        "name": name,
        "leverage": None if leverage is None else format_amount(leverage),
        "email": email,
    }


def account_command(instruction: InstructionRecord) -> NewAccountCommand:
    details = instruction.details
    return NewAccountCommand(
        group=details["group"],
        name=details["name"],
        leverage=None if details["leverage"] is None else Decimal(details["leverage"]),
        email=details["email"],
        reference=instruction.reference,
        idempotency_key=str(instruction.id),
    )


def request_details(order: AccountRequestCommand) -> dict[str, Any]:
    """What an instruction stores of a request to open an account."""
    values = {name: getattr(order, name) for name in order.__dataclass_fields__}
    return {name: format_amount(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def request_command(details: Mapping[str, Any]) -> AccountRequestCommand:
    leverage = details["leverage"]
    return AccountRequestCommand(**{**details, "leverage": None if leverage is None else Decimal(leverage)})
