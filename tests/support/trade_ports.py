"""The ports of trades that the contract suite asks: each with an answer's row, and what a damaged figure costs."""

from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
# 12:00 of 3 and 4 February 2025 by the server's clock.
OPENED, CLOSED = 1_738_584_000, 1_738_670_400

OPEN = {
    "order": 1,
    "login": 61436,
    "symbol": "EURUSD",
    "digits": 5,
    "tradeCommand": "Buy",
    "volume": 15,
    "openPrice": 1.1,
    "closePrice": 1.2,
    "sl": 1.0,
    "tp": 1.3,
    "profit": 1.5,
    "storage": 0,
    "commission": 0,
    "openTime": "2025-02-03T12:00:00",
    "closeTime": "2025-02-04T12:00:00",
    "comment": "note",
}
REPORT = {"login": 61436, "ctm": "2025-02-03T23:59:59", "balance": 5, "equity": 6, "credit": 0, "deposit": 0}
POSITION = {
    "Position": "1",
    "Login": "61436",
    "Symbol": "EURUSD",
    "Action": "0",
    "Digits": "5",
    "TimeCreate": str(OPENED),
    "PriceOpen": "1.10000",
    "PriceCurrent": "1.20000",
    "PriceSL": "1.00000",
    "PriceTP": "1.30000",
    "Volume": "1500",
    "VolumeExt": "15000000",
    "Profit": "1.50",
    "Storage": "0.00",
    "Comment": "note",
}
DEAL = {
    "Deal": "11",
    "Login": "61436",
    "Order": "2",
    "Action": "1",
    "Entry": "1",
    "Digits": "5",
    "DigitsCurrency": "2",
    "Time": str(CLOSED),
    "Symbol": "EURUSD",
    "Price": "1.20000",
    "Volume": "1500",
    "VolumeExt": "15000000",
    "Profit": "1.50",
    "Storage": "0.00",
    "Commission": "0.00",
    "PositionID": "1",
    "Comment": "note",
}
OPENING = {"Order": "1", "Action": "0", "Entry": "0", "Time": str(OPENED), "Price": "1.10000", "Profit": "0.00"}
DAY = {
    "Login": "61436",
    # 23:59:59 of 3 February.
    "DatetimePrev": "1738627199",
    "Balance": "5.00",
    "ProfitEquity": "6.00",
    "Credit": "0.00",
    "Margin": "0.00",
    "DailyBalance": "0.00",
    "DailyProfit": "0.00",
}
# Fields without which a row still counts, and the values that they cost.
SECONDARY = {
    "comment": "comment", "Comment": "comment", "sl": "stop_loss", "PriceSL": "stop_loss", "tp": "take_profit",
    "PriceTP": "take_profit", "PriceCurrent": "current_price", "digits": None, "Digits": None, "DigitsCurrency": None,
    "VolumeExt": None,
}  # fmt: skip


@dataclass(frozen=True)
class Port:
    """`path` is a part of the address of its call and `row` a row of its answer, without which `needs` it is nothing.

    `numbers` are the fields by which one row of an account differs from the next one.
    """

    name: str
    vendor: str
    server: str
    path: str
    row: dict[str, Any]
    needs: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    opening: dict[str, Any] | None = None
    batched: bool = True

    def fetch(self, server: Any, logins: list[str], call: Any, *window: datetime) -> Awaitable[Any]:
        port = getattr(server, self.name)
        return port.fetch(logins, *(() if self.name == "open_positions" else window or (START, END)), call)

    @property
    def login_name(self) -> str:
        return "login" if self.vendor == "cplugin" else "Login"

    def rows(self, login: str | None = None, number: int = 0, **changes: Any) -> list[dict[str, Any]]:
        """The rows of one entry: one, or the deal of the opening and that of the closing, which gets the changes."""
        made = {one: type(self.row[one])(int(self.row[one]) + 100 * number) for one in self.numbers}
        if login is not None:
            made[self.login_name] = type(self.row[self.login_name])(login)
        row = self.row | made
        if self.opening is None:
            return [row | changes]
        opened = self.opening | {"Deal": str(int(row["Deal"]) - 1), "Order": row["PositionID"]}
        return [row | opened, row | changes]

    def tell(self, box: Any, rows: list[Any], path: str | None = None) -> None:
        """The vendor's next answers have these rows."""
        answer = {"data": rows, "error": None} if self.vendor == "cplugin" else {"retcode": "0 Done", "answer": rows}
        box.tell(self.vendor, "/misbehave", {"fault": "json", "path": path or self.path, "json": answer})


PORTS = {
    "positions": Port(
        "open_positions", "cplugin", "R1", "/TradesGet$", OPEN, ("openPrice", "openTime", "volume", "profit"),
        ("order",), batched=False,
    ),
    "closed": Port(
        "closed_trades", "cplugin", "R1", "/ReportsRequest", OPEN,
        ("openPrice", "openTime", "volume", "profit", "closeTime"), ("order",),
    ),
    "daily": Port(
        "daily_reports", "cplugin", "R1", "/DailyReportsRequest", REPORT, ("ctm", "balance", "equity")
    ),
    "mt5 positions": Port(
        "open_positions", "mt5_web", "M1", "/position/get_batch", POSITION,
        ("PriceOpen", "TimeCreate", "Profit", "Position", "Action"), ("Position",),
    ),
    "mt5 closed": Port(
        "closed_trades", "mt5_web", "M1", "/deal/get_batch", DEAL,
        ("Price", "Time", "Profit", "Storage", "Commission", "Deal", "PositionID", "Action", "Entry"),
        ("Deal", "Order", "PositionID"), OPENING,
    ),
    "mt5 daily": Port(
        "daily_reports", "mt5_web", "M1", "/daily/get_batch", DAY,
        ("DatetimePrev", "Balance", "ProfitEquity", "DailyBalance", "Margin"),
    ),
}  # fmt: skip


def called(box: Any, vendor: str = "cplugin") -> Counter[str]:
    """How often each function was called."""
    paths = box.calls(vendor)["by_path"]
    if vendor == "cplugin":
        return Counter({path.split("}/")[1].partition("/")[0]: n for path, n in paths.items()})
    return Counter({path: n for path, n in paths.items() if "batch" in path or "daily" in path})
