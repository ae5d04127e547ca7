"""Records of MT4 and MT5 with the field names of the v2 documents [D, C-py models]."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.vendors.answers import money

NEVER = "1970-01-01T00:00:00Z"
ENABLED, MAY_CHANGE_PASSWORD, READ_ONLY = 0x01, 0x02, 0x04
_PERCENT = Decimal("0.01")


def utc_text(local: datetime, timezone: str) -> str:
    """A local time of the server as UTC, because registrationDate is UTC [D, C-py MT4User]."""
    return local.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def mt4_user(row: Any, timezone: str) -> dict[str, Any]:
    """MT4User, which has neither currency nor equity nor a password [D, C-py]."""
    nothing = Decimal(0)
    return {
        "login": row["login"],
        "group": row["group_name"],
        "name": row["name"],
        "registrationDate": utc_text(row["registered_local"], timezone),
        "lastDate": utc_text(row["registered_local"], timezone),
        "externalId": row["external_id"],
        "status": "",
        "country": "",
        "city": "",
        "state": "",
        "zipCode": "",
        "address": "",
        "leadSource": row["lead_source"],
        "phone": "",
        "email": row["email"],
        "comment": row["comment"],
        "leverage": int(row["leverage"]),
        "agentAccount": 0,
        "lastIP": 0,
        "balance": money(row["balance"]),
        "credit": money(row["credit"]),
        "prevMonthBalance": money(nothing),
        "prevBalance": money(nothing),
        "prevMonthEquity": money(nothing),
        "prevEquity": money(nothing),
        "interestRate": money(nothing),
        "taxes": money(nothing),
        "enableFlags": _enable_flags(row),
        "sendReports": int(row["send_reports"]),
        "mqid": 0,
        "userColor": 0,
    }


def _enable_flags(row: Any) -> int:
    """The flags: 0x01 enabled, 0x02 may change the password, 0x04 read-only [D, C-py MT4User]."""
    return (ENABLED if row["enabled"] else 0) | MAY_CHANGE_PASSWORD | (READ_ONLY if row["read_only"] else 0)


def margin_level(row: Any, now: datetime) -> dict[str, Any]:
    """MT4MarginLevel [D, C-py]. Its equity includes the credit, as in MT4."""
    equity = row["balance"] + row["credit"] + row["floating"]
    margin = row["margin"]
    level = (equity / margin * 100).quantize(_PERCENT) if margin else Decimal(0)
    return {
        "login": row["login"],
        "group": row["group_name"],
        "leverage": int(row["leverage"]),
        "updated": int(now.timestamp()),
        "balance": money(row["balance"]),
        "equity": money(equity),
        "volume": 100,
        "margin": money(margin),
        "free": money(equity - margin),
        "level": level,
        "controllingType": "Percent",
        "levelType": "MarginCall" if margin and equity < margin else "Ok",
    }


def balance_trade(row: Any, timezone: str) -> dict[str, Any]:
    """A balance operation as a closed trade [I]: the amount is in `profit`, and both times are local to the server."""
    at = row["at"].astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%dT%H:%M:%S")
    zero = money(Decimal(0))
    return {
        "order": row["ticket"],
        "login": row["login"],
        "symbol": "",
        "digits": 0,
        "tradeCommand": row["command"],
        "volume": 0,
        "volumeLots": zero,
        "tradeRecordState": "ClosedNormal",
        "openPrice": zero,
        "sl": zero,
        "tp": zero,
        "openTime": at,
        "closeTime": at,
        "closePrice": zero,
        "commission": zero,
        "commissionAgent": zero,
        "storage": zero,
        "profit": money(row["amount"]),
        "taxes": zero,
        "magic": 0,
        "comment": row["comment"],
        "expiration": NEVER,
        "tradeRecordReason": "API",
        "activationType": "None",
        "timeStamp": at,
        "marginRate": money(Decimal(1)),
    }


def mt5_user(row: Any, timezone: str) -> dict[str, Any]:
    """MT5User [D, C-py]. It has balance and credit, neither currency nor equity, and rights as names."""
    return {
        "login": row["login"],
        "group": row["group_name"],
        "name": row["name"],
        "eMail": row["email"],
        "comment": row["comment"],
        "leverage": int(row["leverage"]),
        "leadSource": row["lead_source"],
        "clientID": row["client_number"] or 0,
        "rights": _rights(row),
        "registration": utc_text(row["registered_local"], timezone),
        "lastAccess": None,
        "balance": money(row["balance"]),
        "credit": money(row["credit"]),
        "balancePrevDay": money(row["balance"]),
        "balancePrevMonth": money(row["balance"]),
        "equityPrevDay": money(row["balance"]),
        "equityPrevMonth": money(row["balance"]),
    }


def _rights(row: Any) -> str:
    names = (["Enabled"] if row["enabled"] else []) + ["Password"] + (["TradeDisabled"] if row["read_only"] else [])
    return ", ".join([*names, "Trailing", "Expert", "Reports"])
