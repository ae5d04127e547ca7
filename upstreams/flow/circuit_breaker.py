"""Circuit breakers: after some failures in a row a vendor is left alone for a while, then tried with one call."""

from core.clock import Clock


class Breaker:
    """Closed, open until a moment, then half-open: one probe decides. Used by one event loop, so no lock."""

    def __init__(self, clock: Clock, *, failures: int, open_seconds: float) -> None:
        self._clock = clock
        self._allowed = failures
        self._open_seconds = open_seconds
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Open or half-open: no call has succeeded since it opened."""
        return self._opened_at is not None

    def wait_seconds(self) -> float:
        """How long to stay away; 0 where a call may go out now."""
        if self._opened_at is None:
            return 0.0
        left = self._opened_at + self._open_seconds - self._clock.monotonic()
        if left > 0:
            return left
        # A probe is under way: those who come meanwhile are told to come back in a full period at the latest.
        return self._open_seconds if self._probing else 0.0

    def enter(self) -> None:
        """A call goes out now (wait_seconds was 0). In the half-open state it is the probe."""
        self._probing = self._opened_at is not None

    def record_success(self) -> None:
        self._failures = 0
        self._opened_at = None
        self._probing = False

    def record_failure(self) -> None:
        self._failures += 1
        if self._probing or (self._opened_at is None and self._failures >= self._allowed):
            self._opened_at = self._clock.monotonic()
        self._probing = False

    def record_abandoned(self) -> None:
        """The call ended without telling anything of the vendor: cancelled, or out of its own time."""
        self._probing = False


class Breakers:
    """The circuit breakers of one vendor connection: for each trading server one for reads and one for orders.

    - Reads never close writes: a read that fails counts for the breaker of reads alone, whatever it failed of.
    - Orders count their own failures only, the token that they fetch for themselves included.
    """

    def __init__(self, clock: Clock, *, failures: int, open_seconds: float) -> None:
        self._clock = clock
        self._failures = failures
        self._open_seconds = open_seconds
        self._reads: dict[str, Breaker] = {}
        self._commands: dict[str, Breaker] = {}

    def of(self, lane: str, *, for_command: bool) -> Breaker:
        """The breaker that a call to this trading server obeys."""
        breakers = self._commands if for_command else self._reads
        breaker = breakers.get(lane)
        if breaker is None:
            breaker = breakers[lane] = Breaker(self._clock, failures=self._failures, open_seconds=self._open_seconds)
        return breaker

    @property
    def any_open(self) -> bool:
        return any(breaker.is_open for breakers in (self._reads, self._commands) for breaker in breakers.values())

    @property
    def all_open(self) -> bool:
        """Whether every trading server is left alone, as far as its reads tell: orders are few, and their breaker stays
        closed until some have failed.
        """
        told_by = self._commands | self._reads
        return bool(told_by) and all(breaker.is_open for breaker in told_by.values())
