"""What travels down with every call to an upstream: its deadline, its tally, its caller and its request's lifetime."""

from collections import defaultdict
from dataclasses import dataclass, field

import msgspec

from core.clock import Deadline
from core.lifetime import Lifetime

# What calls to our own schema's database are counted under, wherever it lies.
STATE_DATABASE = "STATE_DATABASE"


@dataclass(slots=True)
class Tally:
    """Calls and keys by upstream: those of one GraphQL request, or those that its call plan predicts."""

    calls: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    keys: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def count(self, system: str, keys: int) -> None:
        """Note one call (a statement or an HTTP call, repeats included) to a System or the STATE_DATABASE."""
        self.calls[system] += 1
        self.keys[system] += keys

    def by_system(self) -> dict[str, dict[str, int]]:
        """As `extensions.plan` shows it."""
        return {name: {"calls": self.calls[name], "keys": self.keys[name]} for name in sorted(self.calls)}


class Call(msgspec.Struct, frozen=True):
    """Passed to every upstream method. `request_id` ties log lines of all systems together."""

    deadline: Deadline
    tally: Tally
    request_id: str
    caller: str = ""
    """The principal that it is for: where calls wait, queueing is fair by caller."""
    order: bool = False
    """Whether it belongs to a command, its reads included: commands have slots and circuit breakers of their own."""
    wants: frozenset[str] = frozenset()
    """The figures of an account that any request of a shared call wants."""
    lifetime: Lifetime = msgspec.field(default_factory=Lifetime)
    """Of its request. The deadline is apart, because derived and shared calls have another one than the request."""
