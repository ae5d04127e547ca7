"""Codes of the trade as the graph names them, and the vendors' numbers behind them."""

from enum import Enum
from typing import Any, TypeVar

import strawberry

from core.errors import ERP_DATABASE
from upstreams.vendors.registry import all_vendors

E = TypeVar("E", bound=Enum)


def told(value: object, description: str) -> Any:
    """An enum value with its description; UNRECOGNISED members carry -1, which no vendor uses."""
    return strawberry.enum_value(value, description=description)


@strawberry.enum(description="A system that brokergraph asks.")
class UpstreamSystem(Enum):
    """The ERP's database, and the vendors of the registry in its order."""

    locals().update(
        {ERP_DATABASE: told(ERP_DATABASE, "The ERP's PostgreSQL database.")}
        | {vendor.system: told(vendor.system, vendor.description) for vendor in all_vendors().values()}
    )


@strawberry.enum(description="How an upstream has been doing lately, as this process sees it.")
class UpstreamState(Enum):
    UP = told("UP", "It answers.")
    DEGRADED = told("DEGRADED", "Some calls fail.")
    DOWN = told("DOWN", "Calls fail; it is asked again from time to time.")


@strawberry.enum(description="A trading platform.")
class Platform(Enum):
    MT4 = told("MT4", "MetaTrader 4.")
    MT5 = told("MT5", "MetaTrader 5.")
    CTRADER = told("CTRADER", "Spotware's cTrader.")
    MTR = told("MTR", "Match-Trader.")
    WTA = told("WTA", "The CRM's own web trader.")
    FORTEX = told("FORTEX", "Fortex.")
    UNRECOGNISED = told("UNRECOGNISED", "A platform that the ERP names and this version does not know.")


@strawberry.enum(description="Whether the client may act.")
class ClientStanding(Enum):
    OK = told("OK", "Name and identity are verified and locked, and the ERP status is Approved or Real.")
    RESTRICTED = told("RESTRICTED", "Everything else.")


@strawberry.enum(description="How the ERP handles the client.")
class ErpStatusCode(Enum):
    NEW = told(0, "New.")
    FOLLOW_UP = told(1, "Follow up.")
    FOLLOW_UP_MEETING = told(2, "Follow up, with a meeting or a price offer.")
    NOT_INTERESTED = told(3, "Not interested.")
    APPROVED = told(4, "Approved client.")
    REAL = told(5, "Real client.")
    INACTIVE = told(6, "Inactive or suspended.")
    UNRECOGNISED = told(-1, "A number that this version does not know; see rawCode.")


@strawberry.enum(description="What the client may do on the website.")
class WebStatusCode(Enum):
    BLOCKED = told(0, "Cannot sign in.")
    PENDING_APPROVAL = told(1, "Waits for approval.")
    APPROVED = told(2, "Approved.")
    ON_HOLD = told(3, "May look, may not act.")
    UNRECOGNISED = told(-1, "A number that this version does not know; see rawCode.")


@strawberry.enum(description="State of a trading account as the ERP has it.")
class TradingAccountStatus(Enum):
    UNKNOWN = told(0, "The ERP does not know, or gives a number that this version does not know.")
    CLOSED = told(1, "Closed.")
    READONLY = told(2, "May look, may not trade.")
    ACTIVE = told(3, "May trade.")


@strawberry.enum(description="What an instruction changes.")
class InstructionKind(Enum):
    CREATE_TRADING_ACCOUNT = told("CREATE_TRADING_ACCOUNT", "Make a trading account.")
    DEPOSIT = told("DEPOSIT", "Put money on a trading account.")
    OPEN_ACCOUNT_REQUEST = told("OPEN_ACCOUNT_REQUEST", "Ask the CRM to open an account.")


@strawberry.enum(description="Where an instruction stands. CONFIRMED and REJECTED are final.")
class InstructionStatus(Enum):
    RECEIVED = told("RECEIVED", "Written down; nothing has left yet.")
    SENT = told("SENT", "On its way, or its answer is awaited.")
    CONFIRMED = told("CONFIRMED", "The upstream has done it.")
    REJECTED = told("REJECTED", "It was not done and will not be.")
    UNKNOWN = told("UNKNOWN", "It may or may not have been done; this is being found out.")
    NEEDS_REVIEW = told("NEEDS_REVIEW", "It could not be found out by program; people decide.")


@strawberry.enum(description="What the caller should do after a failure.")
class RetryAdvice(Enum):
    SAME_KEY = told("SAME_KEY", "Repeat with the same idempotency key.")
    NEW_KEY = told("NEW_KEY", "Nothing was done: repeat with a new idempotency key.")
    AFTER_DELAY = told("AFTER_DELAY", "Repeat with a new key, but later.")
    NEVER = told("NEVER", "A repeat would fail in the same way.")


@strawberry.enum(description="Why a mutation was refused or failed.")
class ErrorCode(Enum):
    VALIDATION_FAILED = told("VALIDATION_FAILED", "An input value is not acceptable.")
    NOT_FOUND = told("NOT_FOUND", "There is no such thing, or the caller may not see it.")
    CLIENT_RESTRICTED = told("CLIENT_RESTRICTED", "The client's standing does not allow it.")
    ACCOUNT_LIMIT_REACHED = told("ACCOUNT_LIMIT_REACHED", "The client has as many accounts as are allowed.")
    REQUEST_ALREADY_PENDING = told("REQUEST_ALREADY_PENDING", "A request on this connection waits for approval.")
    DEMO_CONNECTION_NOT_ALLOWED = told("DEMO_CONNECTION_NOT_ALLOWED", "The connection leads to a demo server.")
    CONNECTION_NOT_FOUND = told("CONNECTION_NOT_FOUND", "The upstream does not know the connection.")
    INVALID_ACCOUNT_TYPE = told("INVALID_ACCOUNT_TYPE", "The account type does not exist on the connection.")
    CREDENTIALS_REJECTED = told("CREDENTIALS_REJECTED", "The upstream does not accept the client's credentials.")
    ACCOUNT_DISABLED = told("ACCOUNT_DISABLED", "The account is disabled or may not trade.")
    INSUFFICIENT_FUNDS = told("INSUFFICIENT_FUNDS", "There is not enough money.")
    NOT_SUPPORTED = told("NOT_SUPPORTED", "The upstream offers no documented way to do it.")
    LIMIT_EXCEEDED = told("LIMIT_EXCEEDED", "It is more than is allowed.")
    UPSTREAM_UNAVAILABLE = told("UPSTREAM_UNAVAILABLE", "The upstream could not be reached; nothing was done.")
    UPSTREAM_REFUSED = told("UPSTREAM_REFUSED", "The upstream refused.")
    RATE_LIMITED = told("RATE_LIMITED", "The upstream takes no more calls for now.")
    IDEMPOTENCY_KEY_REUSED = told("IDEMPOTENCY_KEY_REUSED", "The key was used for something else.")


def code_of(enum: type[E], raw: Any, otherwise: E) -> E:
    """The enum's member for a vendor's number or name; `otherwise` for one that this version does not know."""
    members: dict[Any, E] = enum._value2member_map_  # type: ignore[assignment]  # calling the enum costs ten times this.
    return members.get(raw, otherwise)


def listed(otherwise: Enum) -> tuple[Any, ...]:
    """The values of the other members of its enum."""
    return tuple(member.value for member in type(otherwise) if member is not otherwise)
