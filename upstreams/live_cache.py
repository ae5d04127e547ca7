"""Live figures that were fetched a moment ago, for callers who say that a moment ago is good enough."""

import math
from collections import OrderedDict
from collections.abc import Iterable

from upstreams.clock import Clock
from upstreams.records import AccountKey, LiveAccountRecord

_MOST_ENTRIES = 50_000
_LONGEST_WANTED_SECONDS = 3600

# Which figures were fetched, and when: one for all that came with the same call.
_Stamp = tuple[frozenset[str], float]


class LiveCache:
    """Bounded; what was fetched longest ago goes first. Whether a caller may see an account is decided before it is
    asked. Nothing is kept until somebody asks for what is a moment old, nor when nobody has for an hour: to keep
    figures that nobody will want costs as much as to read them.
    """

    def __init__(self, clock: Clock, most_entries: int = _MOST_ENTRIES) -> None:
        self._clock = clock
        self._most = most_entries
        self._wanted_until = -math.inf
        self._entries: OrderedDict[AccountKey, tuple[LiveAccountRecord, _Stamp]] = OrderedDict()

    def get(self, key: AccountKey, wanted: frozenset[str], max_age_seconds: float) -> LiveAccountRecord | None:
        """The record if it is young enough and was fetched with all that is wanted."""
        now = self._clock.monotonic()
        self._wanted_until = now + _LONGEST_WANTED_SECONDS
        entry = self._entries.get(key)
        if entry is None:
            return None
        record, (fetched, at) = entry
        return record if wanted <= fetched and now - at < max_age_seconds else None

    @property
    def is_wanted(self) -> bool:
        """Whether `put` would keep anything."""
        return self._clock.monotonic() <= self._wanted_until

    def put(self, records: Iterable[tuple[AccountKey, LiveAccountRecord]], wanted: frozenset[str]) -> None:
        """Keep what one call has fetched."""
        if not self.is_wanted:
            self._entries.clear()
            return
        entries, stamp = self._entries, (wanted, self._clock.monotonic())
        for key, record in records:
            # What is there keeps its place in the order, unless it is taken out.
            entries.pop(key, None)
            entries[key] = record, stamp
        while len(entries) > self._most:
            entries.popitem(last=False)
