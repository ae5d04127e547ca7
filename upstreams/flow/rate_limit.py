"""The vendor's rate limit, applied before calls are sent, so that the vendor never refuses a call because of it."""

from bisect import insort
from collections import deque

from core.clock import Clock, Deadline

WINDOW_SECONDS = 60.0


class _Window:
    """A sliding window: at most N calls in ANY 60 seconds.

    A token bucket of N tokens that gets N a minute lets up to 2 N calls through in its first minute. A vendor that
    counts by the minute would answer 429 to half of them.
    """

    def __init__(self, clock: Clock, most: int, window_seconds: float) -> None:
        self._clock = clock
        self._most = most
        self._window = window_seconds
        self._times: deque[float] = deque()

    def wait_seconds(self, ahead: int = 0) -> float:
        """How long a call would wait behind the given number of calls."""
        self._forget()
        now = self._clock.monotonic()
        # A permit is due one window after the permit N places before it.
        before, windows = len(self._times) + ahead - self._most, 1
        while before >= len(self._times):
            before, windows = before - self._most, windows + 1
        if before < 0:
            return (windows - 1) * self._window
        return max(0.0, self._times[before] + windows * self._window - now)

    async def take(self, deadline: Deadline) -> bool:
        """Wait for a permit. Return False immediately if the permit would come after the deadline."""
        wait = self.wait_seconds()
        if wait > deadline.remaining():
            return False
        moment = self._clock.monotonic() + wait
        if self._times and self._times[-1] > moment:
            insort(self._times, moment)
        else:
            # This is nearly always so, and a search in the deque of a busy minute costs more than the rest of a call.
            self._times.append(moment)
        if wait > 0:
            await self._keep(moment, wait)
        return True

    async def _keep(self, moment: float, wait: float) -> None:
        try:
            await self._clock.sleep(wait)
        except BaseException:
            # A cancelled call returns its permit.
            self._times.remove(moment)
            raise

    def _forget(self) -> None:
        oldest = self._clock.monotonic() - self._window
        while self._times and self._times[0] <= oldest:
            self._times.popleft()


class RateLimit:
    """At most N calls a minute. A part of them is reserved for commands.

    A command takes a reserved permit or a shared one, whichever is due first. Because each of the two windows keeps its
    own limit, both together keep the limit of N.
    """

    def __init__(self, clock: Clock, per_minute: float | None, *, reserved_share: float = 0.0) -> None:
        self._shared: _Window | None = None
        self._reserved: _Window | None = None
        if per_minute is None:
            return
        most = max(1, int(per_minute))
        reserved = reserved_of(most, reserved_share)
        # A rate below one call a minute becomes one call in a longer window.
        window = WINDOW_SECONDS / per_minute if per_minute < 1 else WINDOW_SECONDS
        self._shared = _Window(clock, most - reserved, window)
        self._reserved = _Window(clock, reserved, window) if reserved else None

    def wait_seconds(self, ahead: int = 0, *, for_command: bool = False) -> float:
        """How long a call would wait behind the given number of calls."""
        if self._shared is None:
            return 0.0
        wait = self._shared.wait_seconds(ahead)
        return min(wait, self._reserved.wait_seconds(ahead)) if for_command and self._reserved else wait

    async def take(self, deadline: Deadline, *, for_command: bool = False) -> bool:
        """Wait for a permit. Return False immediately if the permit would come after the deadline."""
        if self._shared is None:
            return True
        window = self._shared
        if for_command and self._reserved and self._reserved.wait_seconds() <= window.wait_seconds():
            window = self._reserved
        return await window.take(deadline)


def reserved_of(most: int, share: float) -> int:
    """How many of `most` are reserved for commands: the share, at least one if `most` is two or more, and never all."""
    return min(most - 1, max(1, int(most * share))) if share > 0 and most > 1 else 0
