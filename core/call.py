"""What travels down with every call to an upstream: how long it may take, who counts it, whom it belongs to."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import msgspec

from core.clock import Deadline

# What calls to our own schema's database are counted under, wherever it lies.
STATE_DATABASE = "STATE_DATABASE"


@dataclass(slots=True)
class Tally:
    """Counts what one GraphQL request really asked of each upstream."""

    calls: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    keys: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def count(self, system: str, keys: int) -> None:
        """Note one call (a statement or an HTTP call, repeats included) to a System or the STATE_DATABASE."""
        self.calls[system] += 1
        self.keys[system] += keys


class Call(msgspec.Struct, frozen=True):
    """Passed to every upstream method. `request_id` ties log lines of all systems together."""

    deadline: Deadline
    tally: Tally
    request_id: str
    caller: str = ""
    """Whose call it is (a principal): callers take turns where calls have to wait."""
    for_command: bool = False
    """Whether it belongs to an order, its reads included: orders have places and circuit breakers of their own."""
    wants: frozenset[str] = frozenset()
    """Which figures of an account are wanted, by any of those who share the call."""
    away: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered while a vendor is waited for: the server may do other work meanwhile (api/admission/load_shedding.py)."""
