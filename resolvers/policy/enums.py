"""The enums of the graph, with the vendors' numbers for their members."""

from enum import Enum
from typing import Any, TypeVar

import strawberry

from core.errors import ERP_DATABASE
from core.trades import Side
from upstreams.vendors.registry import all_vendors

E = TypeVar("E", bound=Enum)


def told(value: object, description: str) -> Any:
    """An enum value with its description. UNRECOGNISED members have -1, which no vendor uses."""
    return strawberry.enum_value(value, description=description)


@strawberry.enum(description="A system that brokergraph calls.")
class UpstreamSystem(Enum):
    """The ERP's database, and the vendors of the registry in its order."""

    locals().update(
        {ERP_DATABASE: told(ERP_DATABASE, "The ERP's PostgreSQL database.")}
        | {vendor.system: told(vendor.system, vendor.description) for vendor in all_vendors().values()}
    )


@strawberry.enum(description="The health of an upstream in the recent calls of this process.")
class UpstreamState(Enum):
    UP = told("UP", "Calls succeed.")
    DEGRADED = told("DEGRADED", "Some calls fail.")
    DOWN = told("DOWN", "Calls fail. The upstream is tried again at intervals.")


@strawberry.enum(description="A trading platform.")
class Platform(Enum):
    MT4 = told("MT4", "MetaTrader 4.")
    MT5 = told("MT5", "MetaTrader 5.")
    CTRADER = told("CTRADER", "Spotware's cTrader.")
    MTR = told("MTR", "Match-Trader.")
    WTA = told("WTA", "The CRM's own web trader.")
    FORTEX = told("FORTEX", "Fortex.")
    UNRECOGNISED = told("UNRECOGNISED", "A platform of the ERP that this version does not know.")


@strawberry.enum(description="Whether the client may trade and move money.")
class ClientStanding(Enum):
    OK = told("OK", "Name and identity are verified and locked, and the ERP status is Approved or Real.")
    RESTRICTED = told("RESTRICTED", "Everything else.")


@strawberry.enum(description="The status of the client in the ERP.")
class ErpStatusCode(Enum):
    NEW = told(0, "New.")
    FOLLOW_UP = told(1, "Follow up.")
    FOLLOW_UP_MEETING = told(2, "Follow up, with a meeting or a price offer.")
    NOT_INTERESTED = told(3, "Not interested.")
    APPROVED = told(4, "Approved client.")
    REAL = told(5, "Real client.")
    INACTIVE = told(6, "Inactive or suspended.")
    UNRECOGNISED = told(-1, "A number that this version does not know; see rawCode.")


@strawberry.enum(description="The client's permissions on the website.")
class WebStatusCode(Enum):
    BLOCKED = told(0, "The client cannot sign in.")
    PENDING_APPROVAL = told(1, "The client waits for approval.")
    APPROVED = told(2, "Approved.")
    ON_HOLD = told(3, "The client may sign in, but may change nothing.")
    UNRECOGNISED = told(-1, "A number that this version does not know; see rawCode.")


@strawberry.enum(description="The state of a trading account in the ERP.")
class TradingAccountStatus(Enum):
    UNKNOWN = told(0, "The ERP does not know the state, or has a number that this version does not know.")
    CLOSED = told(1, "Closed.")
    READONLY = told(2, "The account may be viewed, but may not trade.")
    ACTIVE = told(3, "The account may trade.")


@strawberry.enum(description="The direction of an order. Nulls come last in both directions.")
class OrderDirection(Enum):
    ASC = told("ASC", "From the smallest to the largest value.")
    DESC = told("DESC", "From the largest to the smallest value.")


@strawberry.enum(description="What a list of clients can be sorted by.")
class ClientOrderField(Enum):
    CLIENT_NUMBER = told("CLIENT_NUMBER", "The ERP's number.")
    FULL_NAME = told("FULL_NAME", "The name, in the order of the ERP's database.")
    TOTAL_FLOATING_BALANCE = told(
        "TOTAL_FLOATING_BALANCE",
        "The total balance, at current rates. For many clients it is the total in a snapshot; see asOf.",
    )


@strawberry.enum(description="What a list of trading accounts can be sorted by.")
class TradingAccountOrderField(Enum):
    SERVER_AND_LOGIN = told("SERVER_AND_LOGIN", "The server's name, then the login as text.")
    BALANCE = told("BALANCE", "The balance, within one currency: the filter must have exactly one.")
    EQUITY = told("EQUITY", "The equity, within one currency: the filter must have exactly one.")
    SYNCED_AT = told("SYNCED_AT", "The time of the account's figures.")


@strawberry.enum(description="The direction of a trade.")
class TradeSide(Enum):
    BUY = told(Side.BUY, "Bought first.")
    SELL = told(Side.SELL, "Sold first.")


@strawberry.enum(description="The kind of change that an instruction makes.")
class InstructionKind(Enum):
    CREATE_TRADING_ACCOUNT = told("CREATE_TRADING_ACCOUNT", "Make a trading account.")
    DEPOSIT = told("DEPOSIT", "Put money on a trading account.")
    OPEN_ACCOUNT_REQUEST = told("OPEN_ACCOUNT_REQUEST", "Send a request to open an account to the CRM.")
    WITHDRAWAL = told("WITHDRAWAL", "Take money off a trading account.")


@strawberry.enum(description="What a list of instructions can be sorted by.")
class InstructionOrderField(Enum):
    CREATED_AT = told("CREATED_AT", "The time at which the instruction was received.")


@strawberry.enum(description="The status of an instruction. CONFIRMED and REJECTED are final.")
class InstructionStatus(Enum):
    NEEDS_APPROVAL = told(
        "NEEDS_APPROVAL", "The instruction is stored and waits for the approval of another principal."
    )
    RECEIVED = told("RECEIVED", "The instruction is stored. Nothing was sent yet.")
    SENT = told("SENT", "The command is being sent, or its answer is awaited.")
    CONFIRMED = told("CONFIRMED", "The upstream has applied the command.")
    REJECTED = told("REJECTED", "The command was not applied and will not be applied.")
    UNKNOWN = told("UNKNOWN", "The command may or may not have been applied. The reconciler finds out.")
    NEEDS_REVIEW = told("NEEDS_REVIEW", "The reconciler could not find out the outcome. People decide.")


@strawberry.enum(description="Whether and how the caller should repeat a failed mutation.")
class RetryAdvice(Enum):
    SAME_KEY = told("SAME_KEY", "Repeat with the same idempotency key.")
    NEW_KEY = told("NEW_KEY", "Nothing was done. Repeat with a new idempotency key.")
    AFTER_DELAY = told("AFTER_DELAY", "Repeat later with a new idempotency key.")
    NEVER = told("NEVER", "A repeat would fail in the same way.")


@strawberry.enum(description="The reason why a mutation was refused or failed.")
class ErrorCode(Enum):
    VALIDATION_FAILED = told("VALIDATION_FAILED", "An input value is not acceptable.")
    NOT_FOUND = told("NOT_FOUND", "The object does not exist, or the caller may not see it.")
    CLIENT_RESTRICTED = told("CLIENT_RESTRICTED", "The client's standing does not allow it.")
    ACCOUNT_LIMIT_REACHED = told("ACCOUNT_LIMIT_REACHED", "The client already has the maximum number of accounts.")
    REQUEST_ALREADY_PENDING = told("REQUEST_ALREADY_PENDING", "A request on this connection waits for approval.")
    DEMO_CONNECTION_NOT_ALLOWED = told("DEMO_CONNECTION_NOT_ALLOWED", "The connection leads to a demo server.")
    CONNECTION_NOT_FOUND = told("CONNECTION_NOT_FOUND", "The upstream does not know the connection.")
    INVALID_ACCOUNT_TYPE = told("INVALID_ACCOUNT_TYPE", "The account type does not exist on the connection.")
    CREDENTIALS_REJECTED = told("CREDENTIALS_REJECTED", "The upstream does not accept the client's credentials.")
    ACCOUNT_DISABLED = told("ACCOUNT_DISABLED", "The account is disabled or may not trade.")
    INSUFFICIENT_FUNDS = told("INSUFFICIENT_FUNDS", "There is not enough money.")
    NOT_SUPPORTED = told("NOT_SUPPORTED", "The upstream has no documented call for this command.")
    LIMIT_EXCEEDED = told("LIMIT_EXCEEDED", "The command exceeds a limit.")
    UPSTREAM_UNAVAILABLE = told("UPSTREAM_UNAVAILABLE", "The upstream could not be reached; nothing was done.")
    UPSTREAM_REFUSED = told("UPSTREAM_REFUSED", "The upstream refused.")
    RATE_LIMITED = told("RATE_LIMITED", "The upstream or its rate limit accepts no more calls at the moment.")
    DECLINED = told("DECLINED", "A second principal declined the command.")
    APPROVAL_EXPIRED = told("APPROVAL_EXPIRED", "The command waited too long for an approval.")
    OWN_APPROVAL = told("OWN_APPROVAL", "A principal cannot decide about its own command.")
    NOT_WAITING = told("NOT_WAITING", "The instruction does not wait for an approval.")
    IDEMPOTENCY_KEY_REUSED = told("IDEMPOTENCY_KEY_REUSED", "The idempotency key was used for another command.")


def code_of(enum: type[E], raw: Any, otherwise: E) -> E:
    """The member for a vendor's number or name; `otherwise` for an unknown number or name."""
    members: dict[Any, E] = enum._value2member_map_  # type: ignore[assignment]  # calling the enum costs ten times this.
    return members.get(raw, otherwise)


def listed(otherwise: Enum) -> tuple[Any, ...]:
    """The values of all other members of the enum."""
    return tuple(member.value for member in type(otherwise) if member is not otherwise)
