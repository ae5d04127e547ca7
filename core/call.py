"""The call: what every upstream method gets, such as the deadline, the tally and the caller."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import msgspec

from core.clock import Deadline

# The name under which calls to the database of our own schema are counted.
STATE_DATABASE = "STATE_DATABASE"


@dataclass(slots=True)
class Tally:
    """The number of calls and keys that one GraphQL request has used, by upstream."""

    calls: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    keys: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def count(self, system: str, keys: int) -> None:
        """Count one statement or one HTTP call, a repeat too. `system` is a System or STATE_DATABASE."""
        self.calls[system] += 1
        self.keys[system] += keys


class Call(msgspec.Struct, frozen=True):
    """One call to an upstream, passed to every upstream method. Its `request_id` is in the log lines of all systems."""

    deadline: Deadline
    tally: Tally
    request_id: str
    caller: str = ""
    """The principal. Calls that wait are served by caller in turn."""
    for_command: bool = False
    """Whether the call belongs to a command. Commands have slots and circuit breakers of their own, also for reads."""
    wants: frozenset[str] = frozenset()
    """The figures of an account that the caller wants; in a shared call, those of all its waiters."""
    away: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered for the wait for a vendor. Meanwhile the process may do other work (api/admission/load_shedding.py)."""
