"""An outage in the log: one line when it begins and one when it ends, however often the work is tried meanwhile."""

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from core.errors import UpstreamError


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

    async def repeat(
        self, work: Callable[[], Awaitable[None]], pause: Callable[[float], Awaitable[None]], every_seconds: float
    ) -> NoReturn:
        """Do the work again and again, with pauses. No error ends this."""
        while True:
            try:
                await work()
            except UpstreamError as error:
                self.failed(detail=error.detail)
            except Exception:  # noqa: BLE001 - the next attempt may succeed.
                self._log.exception(f"{self._began}.defect")
            else:
                self.succeeded()
            await pause(every_seconds)
