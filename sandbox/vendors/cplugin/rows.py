"""MT4's and MT5's records as the v2 documents name their fields [D, C-py models]."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.vendors.answers import money

NEVER = "1970-01-01T00:00:00Z"
ENABLED, MAY_CHANGE_PASSWORD, READ_ONLY = 0x01, 0x02, 0x04
_PERCENT = Decimal("0.01")


def utc_text(local: datetime, timezone: str) -> str:
    """[D, C-py MT4User] registrationDate is UTC; MT4 itself keeps server-local time."""
    return local.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def mt4_user(row: Any, timezone: str) -> dict[str, Any]:
    """[D, C-py] MT4User: neither currency nor equity nor any password."""
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
    """[D, C-py MT4User] 0x01 enabled, 0x02 may change the password, 0x04 read-only."""
    return (ENABLED if row["enabled"] else 0) | MAY_CHANGE_PASSWORD | (READ_ONLY if row["read_only"] else 0)


def margin_level(row: Any, now: datetime) -> dict[str, Any]:
    """[D, C-py] MT4MarginLevel. Equity here counts the credit, as MT4 does."""
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
    """A balance operation as a closed trade [I]: amount in `profit`, both times server-local, our comment."""
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
    """[D, C-py] MT5User: balance and credit, neither currency nor equity; rights as names."""
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
