"""The capability ports of trades, and of the check of the books."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol, TypeVar

from core.call import Call
from core.errors import UpstreamError
from core.trades import DailyReportRecord, PositionRecord, TradeRecord

T = TypeVar("T")

ListAnswer = Mapping[str, Sequence[T] | UpstreamError | None]
"""By login, with the meaning of LiveAnswer. A list is complete: if a row of a login cannot be read, the login has an
error.
"""


class Calls(NamedTuple):
    """The most calls of a read, and the most keys in all of them."""

    calls: int
    keys: int


class ListsAccounts(Protocol):
    """A read of a list of each account."""

    def most_calls(self, logins: int) -> Calls:
        """The most calls for so many logins, for the call plan."""
        ...


class OpenPositions(ListsAccounts, Protocol):
    """Reads the open trades of accounts. Pending orders are no positions."""

    async def fetch(self, logins: Sequence[str], call: Call) -> ListAnswer[PositionRecord]:
        """Fetch the logins in as few calls as the vendor allows. The answer has every login, and errors are values."""
        ...

    async def aclose(self) -> None:
        """Cancel the shared calls that still run."""
        ...


class ClosedTrades(ListsAccounts, Protocol):
    """Reads the closed trades of accounts, without balance operations."""

    async def fetch(self, logins: Sequence[str], start: datetime, end: datetime, call: Call) -> ListAnswer[TradeRecord]:
        """Fetch the trades that were closed at or after `start` and before `end`, as OpenPositions does."""
        ...


class DailyReports(ListsAccounts, Protocol):
    """Reads the daily reports of accounts."""

    async def fetch(
        self, logins: Sequence[str], start: datetime, end: datetime, call: Call
    ) -> ListAnswer[DailyReportRecord]:
        """Fetch the reports of all days of the server with a moment from `start` until before `end`, by day."""
        ...


class BooksCheck(Protocol):
    """Compares balances with the operations and closed trades that they are the sum of. It only reads."""

    @property
    def batch_max(self) -> int:
        """The number of logins in one call."""
        ...

    async def differences(self, logins: Sequence[str], call: Call) -> Mapping[str, Decimal | UpstreamError]:
        """The difference of each account that has one, by one call. An error: the answer for the login is unreadable.
        Raises UpstreamError without an answer.
        """
        ...
