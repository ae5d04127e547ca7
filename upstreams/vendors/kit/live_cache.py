"""Live figures that were fetched a moment ago, for callers who say that a moment ago is good enough."""

import math
from collections import OrderedDict
from collections.abc import Iterable

from core.clock import Clock
from core.records import AccountKey, LiveAccountRecord

_MOST_ENTRIES = 50_000
_LONGEST_WANTED_SECONDS = 3600

Stamp = tuple[frozenset[str], float]
"""Which figures are fetched, and when they were asked for: one for all that come with the same call."""


class LiveCache:
    """Bounded; what was fetched longest ago goes first. Whether a caller may see an account is decided before it is
    asked. Nothing is kept until somebody asks for what is a moment old, nor when nobody has for an hour: to keep
    figures that nobody will want costs as much as to read them.
    """

    def __init__(self, clock: Clock, most_entries: int = _MOST_ENTRIES) -> None:
        self._clock = clock
        self._most = most_entries
        self._wanted_until = -math.inf
        self._entries: OrderedDict[AccountKey, tuple[LiveAccountRecord, Stamp]] = OrderedDict()

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

    def stamp(self, wanted: frozenset[str]) -> Stamp:
        """To be taken before the call: its answer is no younger than its question."""
        return wanted, self._clock.monotonic()

    def put(self, records: Iterable[tuple[AccountKey, LiveAccountRecord]], stamp: Stamp) -> None:
        """Keep what one call has fetched, but for what a later call with all of its figures has fetched already: calls
        do not end in the order in which they began.
        """
        if not self.is_wanted:
            self._entries.clear()
            return
        entries = self._entries
        for key, record in records:
            # What is there keeps its place in the order, unless it is taken out.
            there = entries.pop(key, None)
            entries[key] = there if there is not None and _is_better(there[1], stamp) else (record, stamp)
        while len(entries) > self._most:
            entries.popitem(last=False)


def _is_better(one: Stamp, other: Stamp) -> bool:
    return one[1] > other[1] and other[0] <= one[0]
