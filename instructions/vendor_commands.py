"""Conversions between vendors' commands and the values of an instruction. The reconciler builds a command again from
its instruction.
"""

from decimal import Decimal
from typing import Any, Final

from core.commands import (
    AccountRequestCommand,
    DepositCommand,
    MoneyCommand,
    NewAccountCommand,
    WithdrawalCommand,
)
from core.money import format_amount
from core.records import InstructionRecord

Command = MoneyCommand | NewAccountCommand | AccountRequestCommand

_OF_KIND: Final = {"DEPOSIT": DepositCommand, "WITHDRAWAL": WithdrawalCommand}


def columns(command: Command | None) -> dict[str, Any]:
    """The values of the command that an instruction stores, by the name of the column. None: only the client's number
    is needed.
    """
    match command:
        case MoneyCommand():
            return command.meaning
        case NewAccountCommand():
            leverage = None if command.leverage is None else format_amount(command.leverage)
            details = {"group": command.group, "name": command.name, "leverage": leverage, "email": command.email}
            return {"server": command.server, "details": details}
        case AccountRequestCommand():
            values = command.meaning
            return {"details": {name: format_amount(v) if isinstance(v, Decimal) else v for name, v in values.items()}}
        case None:
            return {}


def money_command(instruction: InstructionRecord) -> MoneyCommand:
    """The command of a deposit or withdrawal. The instruction's reference is the vendor's comment, and its id is the
    vendor's
    idempotency key.
    """
    server, login, amount, currency = instruction.server, instruction.login, instruction.amount, instruction.currency
    assert server is not None
    assert login is not None
    assert amount is not None
    assert currency is not None
    return _OF_KIND[instruction.kind](server, login, amount, currency, instruction.reference, str(instruction.id))


def account_command(instruction: InstructionRecord) -> NewAccountCommand:
    details = instruction.details
    assert instruction.server is not None
    return NewAccountCommand(
        server=instruction.server,
        group=details["group"],
        name=details["name"],
        leverage=_number(details["leverage"]),
        email=details["email"],
        reference=instruction.reference,
        idempotency_key=str(instruction.id),
    )


def request_command(instruction: InstructionRecord) -> AccountRequestCommand:
    details = instruction.details
    return AccountRequestCommand(**{**details, "leverage": _number(details["leverage"])})


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
