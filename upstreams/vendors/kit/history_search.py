"""Looking for our reference in what a vendor remembers: what counts as found, as absent, and as a case for a person."""

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from core.errors import Reason, Rejected
from upstreams.http import lenient_json as wire
from upstreams.http.failures import Failures

T = TypeVar("T")

# Vendors keep server-local times, an hour of which comes twice a year and another not at all, and clocks differ: a day
# on either side loses no operation to any of that [I, vendors.md 3.9].
WINDOW = timedelta(days=1)

# How long a send may take before its last attempt starts: the dispatcher's own figure, which a test holds this one to.
SEND_SECONDS = 60.0
# The longest deadline that a vendor lets a caller ask for, and 20 s for connecting to the trade server [D, C-py]; taken
# for vendors too that document none [I].
VENDOR_SECONDS = 300.0 + 20.0
# What lies between: a kernel goes on sending a dead process's last bytes for some 100 s, and proxies hold requests.
BETWEEN_SECONDS = 120.0
MARGIN_SECONDS = 60.0


def absence_counts_after(http_seconds: float) -> float:
    """Seconds since SENT after which an order that is not in the books will never be. The last byte of an attempt may
    leave as late as the send's budget and one HTTP exchange after SENT.
    """
    return SEND_SECONDS + http_seconds + VENDOR_SECONDS + BETWEEN_SECONDS + MARGIN_SECONDS


@dataclass(frozen=True, slots=True)
class Found:
    """One operation of the books: `reference` is its comment, `id` the vendor's own number. `is_ours` says whether all
    the rest (login, amount, kind) is what the order says.
    """

    reference: str
    id: str
    is_ours: bool


def match_one(rows: Iterable[Found], reference: str) -> str | None:
    """The id of the one operation that has the reference; None where there is none. Nonsense, which a person must look
    at, where it is there twice, with other contents than the order's, or only as a part of a longer text.
    """
    found: dict[str, Found] = {}
    for row in rows:
        if reference.casefold() not in row.reference.casefold():
            continue
        if row.reference.strip() != reference or not row.is_ours:
            raise wire.Nonsense("our reference on something that is not our order")
        found[row.id] = row
    if len(found) > 1:
        raise wire.Nonsense("our reference twice")
    return next(iter(found), None)


def local_window(moment: datetime, zone: ZoneInfo) -> tuple[str, str]:
    """A day before and after, as the server's own clock writes it, without an offset."""
    return _local(moment - WINDOW, zone), _local(moment + WINDOW, zone)


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).replace(tzinfo=None, microsecond=0).isoformat()


def day_window(moment: datetime) -> tuple[date, date]:
    """The same in whole days of a zone that nobody names, the last one included or not."""
    return (moment - 2 * WINDOW).date(), (moment + 2 * WINDOW).date()


async def search_history(search: Awaitable[T], failures: Failures) -> T:
    """A refusal to show the books is no refusal of the order."""
    try:
        return await search
    except Rejected as error:
        if error.reason is Reason.NOT_SUPPORTED:
            raise
        raise failures.unavailable("does not show its history", upstream_code=error.upstream_code) from error
