"""TradeTransaction: balance operations on an MT4 account [D, C-py; refusals of MT4 itself I]."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sandbox.vendors import ledger
from sandbox.vendors.answers import decode
from sandbox.vendors.cplugin.desk import Visit
from sandbox.vendors.cplugin.envelope import BusinessError, Envelope, mt4_error, success
from sandbox.vendors.cplugin.keys import Operation
from sandbox.vendors.state import Connection

_FIRST_ORDER_TYPE = 64
_ORDER_TYPES: Final = (
    *("OpenInstant", "OpenRequest", "OpenMarket", "PendingOpen", "CloseInstant", "CloseRequest", "CloseMarket"),
    *("Modify", "Delete", "CloseBy", "CloseAll", "BrOpen", "BrClose", "BrDelete", "BrCloseBy", "BrCloseAll"),
    *("BrModify", "BrActivate", "BrComment", "BrBalance"),
)
TRANSACTION_TYPES: Final = {"PricesGet": 0, "PricesRequote": 1} | {
    name: number for number, name in enumerate(_ORDER_TYPES, _FIRST_ORDER_TYPE)
}
"""The names with the numbers of MT4: BrBalance is TT_BR_BALANCE, 83."""
_COMMANDS: Final = ("Buy", "Sell", "BuyLimit", "SellLimit", "BuyStop", "SellStop", "Balance", "Credit")
COMMANDS: Final = {name: number for number, name in enumerate(_COMMANDS)}
MAX_LOGIN = 2**31 - 1
MAX_AMOUNT = Decimal(10) ** 12
AMOUNT_STEP = Decimal("0.00000001")

# The account. It is locked, so that operations on it run one after another.
_LOCK = "SELECT enabled FROM platform.account WHERE server = $1 AND login = $2 FOR UPDATE"


@dataclass(frozen=True, slots=True)
class BalanceOperation:
    login: int
    command: str
    amount: Decimal
    comment: str


def fields_of(body: bytes) -> dict[str, Any]:
    """The fields of the body, with names in lower case, because ASP.NET ignores case."""
    content = decode(body)
    if not isinstance(content, dict):
        raise BusinessError("Validation", "The body is not a JSON object.")
    return {name.lower(): value for name, value in content.items()}


def member(fields: dict[str, Any], name: str, valid: dict[str, int], default: str | None) -> str:
    """A member of an enum by name, in any case, or by number. The refusal of another value has the valid names."""
    value = fields.get(name.lower())
    if value is None or value == "":
        if default is not None:
            return default
    else:
        text = str(value).lower()
        for member_name, number in valid.items():
            if text in {member_name.lower(), str(number)}:
                return member_name
    raise BusinessError("Validation", f"{name} must be one of: {', '.join(valid)}.")


def _whole(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name.lower()) or 0
    if not isinstance(value, int) or isinstance(value, bool) or not -MAX_LOGIN <= value <= MAX_LOGIN:
        raise BusinessError("Validation", f"{name} is no int32.")
    return value


def _price(fields: dict[str, Any]) -> Decimal:
    value = fields.get("price") or 0
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise BusinessError("Validation", "price is no number.")
    return Decimal(value)


def parse(body: bytes) -> BalanceOperation:
    fields = fields_of(body)
    kind = member(fields, "tradeTransactionType", TRANSACTION_TYPES, None)
    command = member(fields, "tradeCommand", COMMANDS, "Buy")
    login, amount = _whole(fields, "orderBy"), _price(fields)
    if kind != "BrBalance" or command not in {"Balance", "Credit"}:
        # Any other command is an order to buy or sell, here without a volume. A missing command means Buy.
        raise mt4_error("TradeBadVolume", "Invalid volume.")
    if not 0 < abs(amount) <= MAX_AMOUNT:
        raise mt4_error("InvalidData", "Invalid amount.")
    return BalanceOperation(login, command, amount.quantize(AMOUNT_STEP), ledger.cut(str(fields.get("comment") or "")))


async def book_balance(connection: Connection, visit: Visit, balance: BalanceOperation) -> int:
    """Book the operation. Returns the ticket."""
    enabled = await connection.fetchval(_LOCK, visit.server, balance.login)
    if enabled is None:
        # MT4's own code for this is not documented, so that the code of the API is used [I].
        raise BusinessError("NotFound", "The account was not found.")
    if not enabled:
        raise mt4_error("AccountDisabled", "Account disabled.")
    at = visit.state.clock.now()
    return await ledger.book(
        connection, visit.server, balance.login, balance.command, balance.amount, balance.comment, at
    )


def prepare_trade(visit: Visit, body: bytes) -> Operation:
    """The operation in v2. A bad body is refused before the key is taken; MT4's refusals belong to the operation."""
    run = prepare_plain(visit, body)

    async def operation(connection: Connection) -> Envelope:
        return success(await run(connection))

    return operation


PlainOperation = Callable[[Connection], Awaitable[dict[str, Any]]]


def prepare_plain(visit: Visit, body: bytes) -> PlainOperation:
    """The operation in v1 and v2. It returns the structure of the request with `order`, which is the ticket."""
    fields_of(body)
    refused: BusinessError | None = None
    try:
        balance = parse(body)
    except BusinessError as error:
        if error.code == "Validation":
            raise
        refused = error

    async def operation(connection: Connection) -> dict[str, Any]:
        if refused is not None:
            raise refused
        return _echo(balance, await book_balance(connection, visit, balance))

    return operation


def _echo(balance: BalanceOperation, ticket: int) -> dict[str, Any]:
    return {
        "tradeTransactionType": "BrBalance",
        "tradeCommand": balance.command,
        "tradeRequestFlags": "None",
        "expiration": "1970-01-01T00:00:00",
        "order": ticket,
        "orderBy": balance.login,
        "symbol": "",
        "volume": 0,
        "price": balance.amount.normalize() + 0,
        "sl": 0,
        "tp": 0,
        "ieDeviation": 0,
        "comment": balance.comment,
        "crc": 0,
    }
