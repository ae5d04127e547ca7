"""The call: a parameter of every upstream method with the deadline, the tally, the caller and the lifetime."""

import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import msgspec

from core.clock import Clock, Deadline
from core.lifetime import Lifetime
from core.tracing import CallSpan, Trace

# The name under which calls to the database of our own schema are counted.
STATE_DATABASE = "STATE_DATABASE"


_UNTIMED: AbstractContextManager[None] = nullcontext()


@dataclass(slots=True)
class Tally:
    """Numbers of calls and keys by upstream, either counted for one GraphQL request or predicted by its call plan."""

    calls: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    keys: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    seconds: defaultdict[str, float] | None = None
    """The sum of the times of all calls, if the request asks for it. Calls at the same time count several times."""

    def count(self, system: str, keys: int) -> None:
        """Count one statement or one HTTP call, a repeat too. `system` is a System or STATE_DATABASE."""
        self.add(system, 1, keys)

    def add(self, system: str, calls: int, keys: int) -> None:
        self.calls[system] += calls
        self.keys[system] += keys

    def timed(self, system: str) -> AbstractContextManager[None]:
        """Measures one call, if the request asks for times."""
        return _UNTIMED if self.seconds is None else Measured([self.seconds], system)

    def milliseconds(self) -> dict[str, float]:
        """The times in the form of `extensions.plan`."""
        return {name: round(1000 * seconds, 1) for name, seconds in sorted((self.seconds or {}).items())}

    def by_system(self) -> dict[str, dict[str, int]]:
        """The numbers in the form of `extensions.plan`."""
        return {name: {"calls": self.calls[name], "keys": self.keys[name]} for name in sorted(self.keys)}


class Measured:
    """Adds the time of its body to each of the sums. It is a class, because a generator-based context would cost more
    than the rest of the measurement.
    """

    __slots__ = ("_started", "_sums", "_system")

    def __init__(self, sums: Sequence[defaultdict[str, float]], system: str) -> None:
        self._sums = sums
        self._system = system

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_raised: object) -> None:
        taken = time.perf_counter() - self._started
        for seconds in self._sums:
            seconds[self._system] += taken


class Call(msgspec.Struct, frozen=True):
    """One call to an upstream, passed to every upstream method. Its `request_id` is in the log lines of all systems."""

    deadline: Deadline
    tally: Tally
    request_id: str
    caller: str = ""
    """The principal. Waiting calls are served by caller in turn."""
    for_command: bool = False
    """Whether the call belongs to a command. Commands have separate slots and circuit breakers, also for their
    reads.
    """
    wants: frozenset[str] = frozenset()
    """The figures of an account that the caller selects; in a shared call, the figures of all its waiters."""
    lifetime: Lifetime = msgspec.field(default_factory=Lifetime)
    """The lifetime of the request. The deadline is separate, because derived and shared calls have other deadlines."""
    trace: Trace | None = None
    """The trace of the operation, if it is traced. A shared call belongs to the trace of its first waiter."""
    may_lag: bool = False
    """Whether a read replica may answer. Only calls of queries may lag: no read that decides about a write does."""
    reads: set[int] | None = None
    """The numbers of the clients that the operation has read, if reads are audited."""

    def span(self, system: str) -> AbstractContextManager[object] | CallSpan:
        """The span of one statement, if the operation is traced."""
        return _UNTIMED if self.trace is None else self.trace.call(system, "")


class BudgetStanding(msgspec.Struct, frozen=True):
    """The state of a caller's budget after an operation.

    `limit` and `remaining` are for operations of this kind: queries or mutations.
    """

    granted: bool
    mutation: bool
    requested: int
    limit: int
    remaining: int
    full_in_seconds: float
    retry_after_seconds: float


def background_call(seconds: float, name: str, caller: str = "") -> Call:
    """A call without an HTTP request, such as that of a command line. `name` is its id in the log."""
    return Call(Deadline.after(seconds, Clock()), Tally(), name, caller)
