"""The vendors' clock. A test can move the clock forward instead of waiting for a minute or an hour."""

from datetime import UTC, datetime, timedelta


class SandboxClock:
    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)

    def reset(self) -> None:
        self._ahead = timedelta()
