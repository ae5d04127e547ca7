"""The search for our reference in a vendor's history: what counts as found, as absent and as a case for a person.

Rows of other operations may be unreadable. Our reference is ASCII, so that the row with it is found beside them, and a
found reference is a booking. Absence is the dangerous conclusion, because the command is then rejected and its caller
may pay once more. An unreadable row proves absence only if its bytes surely lack the reference (`surely_lacks`).
"""

import json
import re
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from core.errors import Reason, Rejected
from core.money import EXACT, quantum
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.decoding.damaged_json import bytes_of_row
from upstreams.http.failures import Failures
from upstreams.vendors.kit.rows import NONSENSE, cut_rows

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

# So many letters of our reference make an unreadable row suspect.
_SHARED = 6


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


def read_history(data: msgspec.Raw | bytes, kind: type[T]) -> tuple[list[T], list[bytes]]:
    """The rows of a history, and the bytes of the rows that cannot be read."""
    try:
        return msgspec.json.decode(data, type=list[kind]), []  # type: ignore[valid-type]
    except NONSENSE:
        pass
    rows: list[T] = []
    unread: list[bytes] = []
    for row in cut_rows(data):
        try:
            rows.append(msgspec.json.decode(row, type=kind))
        except NONSENSE:
            unread.append(bytes(row))
    return rows, unread


def match_one(
    rows: Iterable[Found], reference: str, unread: Sequence[bytes] = (), texts: Sequence[str] = ()
) -> str | None:
    """The id of the one operation that has the reference. None: no operation has it.

    `unread` are the rows that cannot be read, and `texts` the names of the fields that may have the reference.

    Raises Nonsense, which is a case for a person, where two operations have it, where other values are not those of the
    command, and where the reference is only a part of a longer text. An unreadable row with the reference is such an
    operation. An unreadable row that may have it raises Nonsense as well, unless another row has it.
    """
    found: dict[str, Found] = {}
    for row in rows:
        if reference.casefold() not in row.reference.casefold():
            continue
        if row.reference.strip() != reference or not row.is_ours:
            raise wire.Nonsense("our reference on an operation that is not ours")
        found[row.id] = row
    if len(found) > 1 or any(reference.casefold() in _text_of(row).casefold() for row in unread):
        raise wire.Nonsense("our reference twice, or on an operation that cannot be read")
    if not found and not all(surely_lacks(row, reference, texts) for row in unread):
        raise wire.Nonsense("an operation that cannot be read may be ours")
    return next(iter(found), None)


def surely_lacks(row: bytes, reference: str, texts: Sequence[str]) -> bool:
    r"""Whether an unreadable row cannot be our operation.

    - The row must be whole: it begins and ends like an object, and has the fields `texts`, which hold the reference.
    - Its letters and digits must not have six in a row of the reference's. All other bytes are left out for this: an
      unreadable byte may stand between two letters of our reference, or in place of one.
    - Bytes of a row that is no JSON must have no escape for a character, because `\u0042` is a letter, too.
    """
    wanted, found = _letters(reference), _letters(_text_of(row))
    pieces = (wanted[start : start + _SHARED] for start in range(max(1, len(wanted) - _SHARED + 1)))
    return _is_whole(row, texts) and not any(piece in found for piece in pieces)


def _is_whole(row: bytes, texts: Sequence[str]) -> bool:
    written = bytes_of_row(row)
    if written is None:
        value = json.loads(_printable(row), parse_int=str)
        return isinstance(value, dict) and all(name in value for name in texts)
    is_object = written.startswith(b"{") and written.endswith(b"}")
    return is_object and b"\\u" not in written and all(b'"%b"' % name.encode() in written for name in texts)


def _text_of(row: bytes) -> str:
    """The text of an unreadable row. Where the row is JSON, these are its texts without their escapes.

    A member that the row has twice counts with both values, because either may be the reference.
    """
    written = bytes_of_row(row)
    if written is not None:
        return written.decode("latin-1")
    return "".join(_strings(json.loads(_printable(row), parse_int=str, object_pairs_hook=tuple)))


def _printable(row: bytes) -> str:
    return row.decode("utf-8", "replace")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)
    else:
        yield str(value)


def _letters(text: str) -> str:
    return re.sub("[^0-9a-z]", "", text.casefold())


def equals_in(currency: str, amount: Decimal, found: Decimal | None) -> bool:
    """Whether a vendor's figure is the amount at the currency's places: 100.10 may come as 100.09999999999999."""
    if found is None or not found.is_finite():
        return False
    return 2 * abs(EXACT.subtract(found, amount)) < quantum(currency)


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
