"""The places for streams: for a connection, for a caller and for the process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from api.settings.streams import StreamsSection
from resolvers.policy.errors import LimitExceeded


class Places:
    """The streams of one connection."""

    def __init__(self) -> None:
        self.taken = 0


class StreamSlots:
    """A stream has its place before any work is done for it."""

    def __init__(self, section: StreamsSection) -> None:
        self._section = section
        self._by_caller: Counter[str] = Counter()
        self.taken = 0

    @contextmanager
    def held(self, principal: str, places: Places) -> Iterator[None]:
        """One place while the body runs. Raises LimitExceeded if there is none."""
        self._check(principal, places)
        places.taken += 1
        self._by_caller[principal] += 1
        self.taken += 1
        try:
            yield
        finally:
            places.taken -= 1
            self._by_caller[principal] -= 1
            if not self._by_caller[principal]:
                del self._by_caller[principal]
            self.taken -= 1

    def _check(self, principal: str, places: Places) -> None:
        section = self._section
        if places.taken >= section.per_connection_max:
            raise LimitExceeded(f"A connection has at most {section.per_connection_max} streams.")
        if self._by_caller[principal] >= section.per_caller_max:
            raise LimitExceeded(f"A caller has at most {section.per_caller_max} streams at a server.")
        if self.taken >= section.per_process_max:
            raise LimitExceeded("The server has no place for another stream now. Try again, or another server.")
