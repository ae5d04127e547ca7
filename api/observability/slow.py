"""The log of slow operations."""

from collections import defaultdict
from contextlib import AbstractContextManager, nullcontext
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
        return _Watch(self._seconds, self._clock, call, caller, operation_name) if self._seconds else _NOT_WATCHED


class _Watch:
    """The time of one operation."""

    __slots__ = ("_call", "_caller", "_clock", "_name", "_seconds", "_started")

    def __init__(self, seconds: float, clock: Clock, call: Call, caller: str, name: str | None) -> None:
        self._seconds = seconds
        self._clock = clock
        self._call = call
        self._caller = caller
        self._name = name

    def __enter__(self) -> None:
        self._call.tally.seconds = defaultdict(float)
        self._started = self._clock.monotonic()

    def __exit__(self, *_raised: object) -> None:
        taken = self._clock.monotonic() - self._started
        if taken > self._seconds:
            tally = self._call.tally
            log.warning(
                "graphql.slow",
                request_id=self._call.request_id,
                caller=self._caller,
                operation=logged_name(self._name),
                seconds=round(taken, 3),
                calls=dict(tally.calls),
                keys=dict(tally.keys),
                milliseconds=tally.milliseconds(),
            )
