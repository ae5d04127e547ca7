"""A vendor's own rate limit, kept on our side, so that it is never the vendor who has to refuse."""

from bisect import insort
from collections import deque

from upstreams.clock import Clock, Deadline

WINDOW_SECONDS = 60.0


class RateLimit:
    """At most N calls in ANY 60 seconds. A token bucket that allows N at once and refills at N a minute lets up to 2 N
    through in its first minute, and a vendor that counts by the minute would answer 429 to half of them.
    """

    def __init__(self, clock: Clock, per_minute: float | None) -> None:
        self._clock = clock
        self._most = max(1, int(per_minute)) if per_minute is not None else None
        # A rate below one a minute is one call in a longer window.
        self._window = WINDOW_SECONDS / per_minute if per_minute is not None and per_minute < 1 else WINDOW_SECONDS
        self._times: deque[float] = deque()

    def wait_seconds(self, ahead: int = 0) -> float:
        """How long a caller would wait who has so many before him."""
        if self._most is None:
            return 0.0
        self._forget()
        now = self._clock.monotonic()
        # A permit falls due one window after the one that is N places before it.
        before, windows = len(self._times) + ahead - self._most, 1
        while before >= len(self._times):
            before, windows = before - self._most, windows + 1
        if before < 0:
            return (windows - 1) * self._window
        return max(0.0, self._times[before] + windows * self._window - now)

    async def take(self, deadline: Deadline) -> bool:
        """Wait for a permit. False, at once and without waiting, where it would come after the deadline."""
        if self._most is None:
            return True
        wait = self.wait_seconds()
        if wait > deadline.remaining():
            return False
        moment = self._clock.monotonic() + wait
        insort(self._times, moment)
        if wait > 0:
            await self._keep(moment, wait)
        return True

    async def _keep(self, moment: float, wait: float) -> None:
        try:
            await self._clock.sleep(wait)
        except BaseException:
            # Whoever gives up hands his permit back.
            self._times.remove(moment)
            raise

    def _forget(self) -> None:
        oldest = self._clock.monotonic() - self._window
        while self._times and self._times[0] <= oldest:
            self._times.popleft()
