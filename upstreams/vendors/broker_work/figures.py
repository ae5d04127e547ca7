"""The figures of Broker Work's account/info, and their conversion to the fields of LiveAccountRecord [D, seed 004]."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from itertools import repeat
from operator import attrgetter
from types import GenericAlias
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from core.errors import System, UpstreamError
from core.records import LiveAccountRecord
from upstreams.http.decoding import lenient_json as wire
from upstreams.vendors.kit.live_batches import Rows
from upstreams.vendors.kit.rows import NONSENSE

Seen = tuple[Any, datetime]
"""A row with its wanted values, still undecoded, and its time. Each waiter of the call decodes the figures that it
wants.
"""


class _Account(msgspec.Struct, gc=False):
    """A row. The document's table and sample differ in types, so that both are accepted. `oweId` is its spelling."""

    login: int | str
    currency: str | None = None
    enable: bool | int | str | None = None
    read_only: bool | int | str | None = msgspec.field(name="readOnly", default=None)
    send_reports: bool | int | str | None = msgspec.field(name="sendReports", default=None)
    group: str | None = None
    lead_source: int | str | None = msgspec.field(name="leadSource", default=None)
    leverage: msgspec.Raw = msgspec.Raw(b"null")
    max_leverage: msgspec.Raw = msgspec.field(name="maxLeverage", default=msgspec.Raw(b"null"))
    regdate: str | None = None
    french_risk: bool | int | str | None = msgspec.field(name="frenchRisk", default=None)
    account_type: str | None = msgspec.field(name="accountType", default=None)
    total_margin: int | str | None = msgspec.field(name="totalMarginCalculationType", default=None)
    swap_free: bool | int | str | None = msgspec.field(name="swapFree", default=None)
    owner_id: int | str | None = msgspec.field(name="oweId", default=None)


# By figure: the attribute of the row, and the function that reads it. None: the value is used unchanged.
_FIGURES: Final[Mapping[str, tuple[str, Callable[..., Any] | None]]] = {
    "group": ("group", None),
    "leverage": ("leverage", wire.read_raw_number),
    "max_leverage": ("max_leverage", wire.read_raw_number),
    "currency": ("currency", wire.read_text),
    "enabled": ("enable", wire.read_flag),
    "read_only": ("read_only", wire.read_flag),
    "send_reports": ("send_reports", wire.read_flag),
    "lead_source": ("lead_source", wire.read_text),
    "owner_id": ("owner_id", wire.read_text),
    "account_type": ("account_type", wire.read_text),
    "total_margin_calculation": ("total_margin", wire.read_text),
    "swap_free": ("swap_free", wire.read_flag),
    "french_risk": ("french_risk", wire.read_flag),
    "registered_at": ("regdate", wire.read_local_stamp),
}
# The first three fields of the record are the login, the time and the system.
_FIRST_FIGURE: Final = 3
_NOTHING: Final = repeat(None)
_MANY: Final = 8


@lru_cache(maxsize=256)
def row_with(wanted: frozenset[str]) -> type[Any]:
    """The type of a row with only these figures, so that no other value is decoded."""
    attributes = {"login", *(_FIGURES[name][0] for name in wanted if name in _FIGURES)}
    fields = [
        (one.name, one.type, msgspec.field(name=one.encode_name, default=one.default))
        for one in msgspec.structs.fields(_Account)
        if one.name in attributes
    ]
    return msgspec.defstruct("_Account", [fields[0][:2], *fields[1:]], gc=False)


@lru_cache(maxsize=256)
def answer_with(wanted: frozenset[str]) -> msgspec.json.Decoder[Any]:
    """The decoder of an answer with such rows. All rows must be readable."""
    rows = GenericAlias(list, (row_with(wanted),))
    return msgspec.json.Decoder(msgspec.defstruct("_Answer", [("result", bool | int | str), ("data", rows)]))


@lru_cache(maxsize=256)
def _in_order(wanted: frozenset[str]) -> Sequence[str | None]:
    """The record's figures up to the last wanted one. None: a figure that is not wanted, or that the vendor lacks."""
    names = [
        name if name in wanted and name in _FIGURES else None
        for name in LiveAccountRecord.__struct_fields__[_FIRST_FIGURE:]
    ]
    while names and names[-1] is None:
        names.pop()
    return tuple(names)


class Figures:
    """Makes records of one server's rows. `zone` is the time zone of the server."""

    def __init__(self, system: System, zone: ZoneInfo) -> None:
        self._system = system
        self._readers = {
            name: (attrgetter(attribute), partial(read, zone=zone) if read is wire.read_local_stamp else read)
            for name, (attribute, read) in _FIGURES.items()
        }

    def records(self, seen: Mapping[str, Seen | UpstreamError], wanted: frozenset[str]) -> Rows:
        """The records with the wanted figures. A figure that cannot be read is None, because none of them is money."""
        if set(map(type, seen.values())) == {tuple}:
            try:
                return self._together(seen, wanted)  # type: ignore[arg-type]
            except NONSENSE:
                pass
        return {
            login: one if isinstance(one, UpstreamError) else self._alone(login, one, wanted)
            for login, one in seen.items()
        }

    def _together(self, seen: Mapping[str, Seen], wanted: frozenset[str]) -> Mapping[str, LiveAccountRecord]:
        """Make the records figure by figure, because there are thousands of rows."""
        rows, times = zip(*seen.values(), strict=True)
        columns = [_NOTHING if name is None else self._column(name, rows) for name in _in_order(wanted)]
        return dict(zip(seen, map(LiveAccountRecord, seen, times, repeat(self._system), *columns), strict=False))

    def _column(self, name: str, rows: Sequence[Any]) -> Iterable[Any]:
        found, read = self._readers[name]
        written = map(found, rows)
        if read is None:
            return written
        if len(rows) < _MANY:
            return map(read, written)
        # Figures such as leverages and flags have few different values. Each value is decoded once.
        values = list(map(bytes, written) if read is wire.read_raw_number else written)
        known = {one: read(one) for one in set(values)}
        return map(known.__getitem__, values)

    def _alone(self, login: str, one: Seen, wanted: frozenset[str]) -> LiveAccountRecord:
        readable = {name for name in wanted & _FIGURES.keys() if self._can_read(name, one[0])}
        return self._together({login: one}, frozenset(readable))[login]

    def _can_read(self, name: str, row: Any) -> bool:
        try:
            list(self._column(name, [row]))
        except NONSENSE:
            return False
        return True
