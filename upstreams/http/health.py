"""The health of each link as this process sees it, for the graph's `upstreams` field."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.clock import Clock
from core.errors import System, UpstreamError
from upstreams.flow.circuit_breaker import Breakers

# The number of recent calls: enough for a 95th percentile.
RECENT_CALLS = 256


class LinkState(StrEnum):
    UP = "UP"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """The health of one link. `last_error` is our text, None after a good call. `state` began at `since`."""

    system: System
    name: str
    state: LinkState
    p95_seconds: float | None
    last_error: str | None
    since: datetime
    outcomes: Mapping[str, int]
    """The ends of all calls: "answered", or the reason of the failure."""


class HealthBook:
    """Records the results of a link's calls.

    UP: the last call succeeded. DEGRADED: the last call failed, or a circuit breaker is open. DOWN: the circuit
    breakers of all trading servers are open.
    """

    def __init__(self, system: System, name: str, clock: Clock) -> None:
        self._system = system
        self._name = name
        self._clock = clock
        self._seconds: deque[float] = deque(maxlen=RECENT_CALLS)
        self._last_error: str | None = None
        self._state = LinkState.UP
        self._since = clock.now()
        self._outcomes: Counter[str] = Counter()

    def note(self, seconds: float, error: UpstreamError | None, breakers: Breakers) -> None:
        """Note the end of a call. `error` is None if the vendor answered, whatever the answer was."""
        self._outcomes["answered" if error is None else error.reason.value] += 1
        self._seconds.append(seconds)
        self._last_error = None if error is None else error.message
        state = _state(error, breakers)
        if state is not self._state:
            self._state, self._since = state, self._clock.now()

    def snapshot(self) -> LinkHealth:
        p95, outcomes = self._p95(), dict(self._outcomes)
        return LinkHealth(self._system, self._name, self._state, p95, self._last_error, self._since, outcomes)

    def _p95(self) -> float | None:
        ordered = sorted(self._seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))] if ordered else None


def _state(error: UpstreamError | None, breakers: Breakers) -> LinkState:
    if breakers.all_open:
        return LinkState.DOWN
    return LinkState.DEGRADED if error is not None or breakers.any_open else LinkState.UP
