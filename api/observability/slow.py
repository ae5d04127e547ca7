"""The log of slow operations."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

import structlog

from core.call import Call
from core.clock import Clock

log = structlog.get_logger(__name__)

_NOT_WATCHED: Final[AbstractContextManager[None]] = nullcontext()
# Because a caller chooses the name of an operation, the name may be very long.
_LONGEST_LOGGED: Final = 100


def logged_name(operation_name: str | None) -> str | None:
    """The name of an operation as the log shows it."""
    return operation_name and operation_name[:_LONGEST_LOGGED]


class SlowOperations:
    """Logs operations that take longer than `seconds`, with their calls to each upstream. 0: logs none."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock

    def watch(self, call: Call, caller: str, operation_name: str | None) -> AbstractContextManager[None]:
        """Measures one operation."""
        return self._watch(call, caller, operation_name) if self._seconds else _NOT_WATCHED

    @contextmanager
    def _watch(self, call: Call, caller: str, operation_name: str | None) -> Iterator[None]:
        started, tally = self._clock.monotonic(), call.tally
        tally.seconds = defaultdict(float)
        try:
            yield
        finally:
            taken = self._clock.monotonic() - started
            if taken > self._seconds:
                log.warning(
                    "graphql.slow",
                    request_id=call.request_id,
                    caller=caller,
                    operation=logged_name(operation_name),
                    seconds=round(taken, 3),
                    calls=dict(tally.calls),
                    keys=dict(tally.keys),
                    milliseconds=tally.milliseconds(),
                )
