"""An outage in the log: one line when it begins and one when it ends, however often the work is tried meanwhile."""

from typing import Any


class Outage:
    """The outage of one kind of work. `log` is a structlog logger; the lines are named by their events."""

    def __init__(self, log: Any, began: str, ended: str) -> None:
        self._log = log
        self._began = began
        self._ended = ended
        self._attempts = 0

    @property
    def lasts(self) -> bool:
        return self._attempts > 0

    def failed(self, **details: Any) -> None:
        """An attempt failed. Only the first one of an outage is logged."""
        if not self._attempts:
            self._log.warning(self._began, **details)
        self._attempts += 1

    def succeeded(self, **details: Any) -> None:
        """An attempt succeeded. The first one after an outage is logged, with the number of failed attempts."""
        if self._attempts:
            self._log.info(self._ended, failed_attempts=self._attempts, **details)
            self._attempts = 0
