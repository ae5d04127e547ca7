"""The cache of live figures, for callers that accept figures of a given age."""

import math
from collections.abc import Iterable

from cachetools import FIFOCache

from core.clock import Clock
from core.records import AccountKey, LiveAccountRecord

_MOST_ENTRIES = 50_000
_LONGEST_WANTED_SECONDS = 3600

Stamp = tuple[frozenset[str], float]
"""The figures of a call and its start. All records of the call share one stamp."""


class LiveCache:
    """A bounded cache, which evicts the oldest figures first.

    - The visibility of the account is checked before the cache is read.
    - Because storing figures costs as much as reading them, figures are stored only while callers accept old figures,
      and for an hour afterwards.
    """

    def __init__(self, clock: Clock, most_entries: int = _MOST_ENTRIES) -> None:
        self._clock = clock
        self._wanted_until = -math.inf
        self._entries: FIFOCache[AccountKey, tuple[LiveAccountRecord, Stamp]] = FIFOCache(most_entries)

    def get(self, key: AccountKey, wanted: frozenset[str], max_age_seconds: float) -> LiveAccountRecord | None:
        """The record if it is young enough and was fetched with all wanted figures."""
        now = self._clock.monotonic()
        self._wanted_until = now + _LONGEST_WANTED_SECONDS
        entry = self._entries.get(key)
        if entry is None:
            return None
        record, (fetched, at) = entry
        return record if wanted <= fetched and now - at < max_age_seconds else None

    @property
    def is_wanted(self) -> bool:
        """Whether `put` would store anything."""
        return self._clock.monotonic() <= self._wanted_until

    def stamp(self, wanted: frozenset[str]) -> Stamp:
        """The stamp of a call. It is made before the call, because the age of an answer counts from its question."""
        return wanted, self._clock.monotonic()

    def put(self, records: Iterable[tuple[AccountKey, LiveAccountRecord]], stamp: Stamp) -> None:
        """Store the records of one call. A record of a later call with all these figures is not replaced."""
        if not self.is_wanted:
            self._entries.clear()
            return
        for key, record in records:
            stored = self._entries.get(key)
            self._entries[key] = stored if stored is not None and _is_better(stored[1], stamp) else (record, stamp)


def _is_better(one: Stamp, other: Stamp) -> bool:
    return one[1] > other[1] and other[0] <= one[0]
