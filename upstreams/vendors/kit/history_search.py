"""The search for our reference in a vendor's history. The result is found, absent, or a case that people decide."""

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from core.errors import Reason, Rejected
from upstreams.http import lenient_json as wire
from upstreams.http.failures import Failures

T = TypeVar("T")

# Vendors keep local times of the server, of which one hour occurs twice a year and one never. Clocks differ too. With a
# day on either side no operation is lost for these reasons [I].
WINDOW = timedelta(days=1)

# How long a send may take before its last attempt starts. A test compares it with the dispatcher's figure.
SEND_SECONDS = 60.0
# The longest deadline that a vendor accepts, and 20 s for connecting to the trading server [D, C-py]. Vendors that
# document no deadline get the same [I].
VENDOR_SECONDS = 300.0 + 20.0
# A kernel sends the last bytes of a dead process for some 100 s, and proxies may delay requests.
BETWEEN_SECONDS = 120.0
MARGIN_SECONDS = 60.0


def absence_counts_after(http_seconds: float) -> float:
    """Seconds since SENT after which a command can no longer appear in the history.

    The last byte of an attempt is sent at most the send's budget and one HTTP exchange after SENT.
    """
    return SEND_SECONDS + http_seconds + VENDOR_SECONDS + BETWEEN_SECONDS + MARGIN_SECONDS


@dataclass(frozen=True, slots=True)
class Found:
    """One operation of the history. `reference` is its comment, `id` the vendor's own number.

    `is_ours` is true if all other values (login, amount, kind) are equal to those of the command.
    """

    reference: str
    id: str
    is_ours: bool


def match_one(rows: Iterable[Found], reference: str) -> str | None:
    """The id of the one operation that has the reference. None: no operation has it.

    Raises Nonsense, so that people decide, in three cases: two operations have the reference, other values differ from
    the command, or the reference is only a part of a longer text.
    """
    found: dict[str, Found] = {}
    for row in rows:
        if reference.casefold() not in row.reference.casefold():
            continue
        if row.reference.strip() != reference or not row.is_ours:
            raise wire.Nonsense("our reference on an operation that is not ours")
        found[row.id] = row
    if len(found) > 1:
        raise wire.Nonsense("our reference twice")
    return next(iter(found), None)


def local_window(moment: datetime, zone: ZoneInfo) -> tuple[str, str]:
    """The window from a day before to a day after the time, in local time of the server and without an offset."""
    return _local(moment - WINDOW, zone), _local(moment + WINDOW, zone)


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).replace(tzinfo=None, microsecond=0).isoformat()


def day_window(moment: datetime) -> tuple[date, date]:
    """The window in whole days. It is wide enough for every time zone, whether the last day counts or not."""
    return (moment - 2 * WINDOW).date(), (moment + 2 * WINDOW).date()


async def search_history(search: Awaitable[T], failures: Failures) -> T:
    """The result of the search. A refusal becomes Unavailable, because it does not refuse the command."""
    try:
        return await search
    except Rejected as error:
        if error.reason is Reason.NOT_SUPPORTED:
            raise
        raise failures.unavailable("does not show its history", upstream_code=error.upstream_code) from error
