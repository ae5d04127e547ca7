"""A circuit breaker: after some failures in a row a vendor is left alone for a while, then tried with one call."""

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

    def succeeded(self) -> None:
        self._failures = 0
        self._opened_at = None
        self._probing = False

    def failed(self) -> None:
        self._failures += 1
        if self._probing or (self._opened_at is None and self._failures >= self._allowed):
            self._opened_at = self._clock.monotonic()
        self._probing = False

    def abandoned(self) -> None:
        """The call ended without telling anything of the vendor: cancelled, or out of its own time."""
        self._probing = False
