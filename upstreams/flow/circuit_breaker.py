"""Circuit breakers: refuse calls to a vendor for some seconds after some failures in a row, then allow one probe."""

from core.clock import Clock


class Breaker:
    """A breaker is closed, open for some seconds, or half-open. In the half-open state one probe decides. It has no
    lock, because only one event loop uses it.
    """

    def __init__(self, clock: Clock, *, failures: int, open_seconds: float) -> None:
        self._clock = clock
        self._allowed = failures
        self._open_seconds = open_seconds
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether no call has succeeded since the breaker opened: it is open or half-open."""
        return self._opened_at is not None

    def wait_seconds(self) -> float:
        """The seconds for which calls are still refused. 0: a call may be sent."""
        if self._opened_at is None:
            return 0.0
        left = self._opened_at + self._open_seconds - self._clock.monotonic()
        if left > 0:
            return left
        # While a probe is in flight, other calls are refused, for one full period at most.
        return self._open_seconds if self._probing else 0.0

    def enter(self) -> None:
        """Note that a call is sent. In the half-open state this call is the probe."""
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
        """Note a call that proves nothing about the vendor, because it was cancelled or its own time was too short."""
        self._probing = False


class Breakers:
    """The circuit breakers of one vendor connection: for each trading server one for reads and one for commands.

    - A failed read counts only for the breaker of reads, so that reads never stop commands.
    - A failed command counts only for the breaker of commands. A failed token request for a command counts in the same
      way.
    """

    def __init__(self, clock: Clock, *, failures: int, open_seconds: float) -> None:
        self._clock = clock
        self._failures = failures
        self._open_seconds = open_seconds
        self._reads: dict[str, Breaker] = {}
        self._commands: dict[str, Breaker] = {}

    def of(self, lane: str, *, for_command: bool) -> Breaker:
        """The breaker for a call to this trading server."""
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
        """Whether all trading servers refuse calls.

        If a server has both breakers, the breaker of reads decides, because commands are few and their breaker opens
        late.
        """
        deciding = self._commands | self._reads
        return bool(deciding) and all(breaker.is_open for breaker in deciding.values())
