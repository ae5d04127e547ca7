"""Live figures that were fetched a moment ago, for callers who say that a moment ago is good enough."""

from collections import OrderedDict
from dataclasses import dataclass

from upstreams.clock import Clock
from upstreams.records import AccountKey, LiveAccountRecord

_MOST_ENTRIES = 50_000


@dataclass(frozen=True, slots=True)
class _Entry:
    record: LiveAccountRecord
    wanted: frozenset[str]
    at: float


class LiveCache:
    """Bounded; what is longest unused goes first. Whether a caller may see an account is decided before it is asked."""

    def __init__(self, clock: Clock, most_entries: int = _MOST_ENTRIES) -> None:
        self._clock = clock
        self._most = most_entries
        self._entries: OrderedDict[AccountKey, _Entry] = OrderedDict()

    def get(self, key: AccountKey, wanted: frozenset[str], max_age_seconds: float) -> LiveAccountRecord | None:
        """The record if it is young enough and was fetched with all that is wanted."""
        entry = self._entries.get(key)
        if entry is None or not wanted <= entry.wanted or self._clock.monotonic() - entry.at >= max_age_seconds:
            return None
        self._entries.move_to_end(key)
        return entry.record

    def put(self, key: AccountKey, wanted: frozenset[str], record: LiveAccountRecord) -> None:
        self._entries[key] = _Entry(record, wanted, self._clock.monotonic())
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)
