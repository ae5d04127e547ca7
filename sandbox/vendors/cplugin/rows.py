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
    at = row["at"].astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    return _trade(row, at, at) | {"profit": money(row["amount"]), "comment": row["comment"]}


def mt4_trade(row: Any) -> dict[str, Any]:
    """MT4Trade of an open or closed trade. The close price of an open trade is its current price [I]."""
    prices = {"openPrice": row["open_price"], "closePrice": row["close_price"], "sl": row["sl"], "tp": row["tp"]}
    return _trade(row, row["opened_local"], row["closed_local"]) | {
        "symbol": row["symbol"],
        "digits": row["digits"],
        "volume": row["volume"],
        "volumeLots": money(Decimal(row["volume"]) / 100),
        "tradeRecordState": "OpenNormal" if row["closed_local"] is None else "ClosedNormal",
        "commission": money(row["commission"]),
        "storage": money(row["swap"]),
        "profit": money(row["profit"]),
        "tradeRecordReason": "Client",
        **{name: money(round(price, row["digits"])) for name, price in prices.items()},
    }


def _trade(row: Any, opened: datetime, closed: datetime | None) -> dict[str, Any]:
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
        "openTime": _local(opened),
        "closeTime": "1970-01-01T00:00:00" if closed is None else _local(closed),
        "closePrice": zero,
        "commission": zero,
        "commissionAgent": zero,
        "storage": zero,
        "profit": zero,
        "taxes": zero,
        "magic": 0,
        "comment": "",
        "expiration": NEVER,
        "tradeRecordReason": "API",
        "activationType": "None",
        "timeStamp": _local(opened if closed is None else closed),
        "marginRate": money(Decimal(1)),
    }


def _local(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def daily_report(row: Any) -> dict[str, Any]:
    """MT4DailyReport. Its time is local to the server [D, C-spec]."""
    equity = row["balance"] + row["credit"] + row["floating"]
    return {
        "login": row["login"],
        "ctm": f"{row['day']}T23:59:59",
        "group": row["group_name"],
        "bank": "",
        "balancePrev": money(row["balance"] - row["deposit"] - row["profit_closed"]),
        "balance": money(row["balance"]),
        "deposit": money(row["deposit"]),
        "credit": money(row["credit"]),
        "profitClosed": money(row["profit_closed"]),
        "profit": money(row["floating"]),
        "equity": money(equity),
        "margin": money(row["margin"]),
        "marginFree": money(equity - row["margin"]),
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
