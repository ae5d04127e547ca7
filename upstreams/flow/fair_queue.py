"""Callers who wait take turns: whoever asks for one thing does not stand behind all that another one asked for."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class FairQueue(Generic[T]):
    """What waits, caller by caller; each caller's own keeps its order. Whoever comes back when his last is gone stands
    at the end.
    """

    __slots__ = ("_callers", "length")

    def __init__(self) -> None:
        self.length = 0
        # The caller whose turn it is stands first; what he waits with is a dict for its order alone.
        self._callers: OrderedDict[str, dict[T, None]] = OrderedDict()

    def add(self, caller: str, item: T) -> None:
        own = self._callers.get(caller)
        if own is None:
            own = self._callers[caller] = {}
        own[item] = None
        self.length += 1

    def remove(self, caller: str, item: T) -> None:
        """Somebody gave up; who has been called already stands here no more."""
        own = self._callers.get(caller)
        if own is not None and item in own:
            del own[item]
            self._left(caller, own)

    def first(self) -> T:
        """Whose turn it is. Raises StopIteration where nobody waits."""
        return next(iter(next(iter(self._callers.values()))))

    def call(self) -> T:
        """The same, and it waits no more: its caller's next one goes to the end."""
        caller, own = next(iter(self._callers.items()))
        item = next(iter(own))
        del own[item]
        self._callers.move_to_end(caller)
        self._left(caller, own)
        return item

    def ahead(self, caller: str) -> int:
        """How many would go before this caller's next one."""
        own = len(self._callers.get(caller, ()))
        return own + sum(min(len(waiting), own + 1) for other, waiting in self._callers.items() if other != caller)

    def turn_away(self, caller: str) -> T | None:
        """The newest of whoever has most here, which waits no more; None where this caller would have most."""
        greedy, waiting = max(self._callers.items(), key=lambda item: len(item[1]), default=(caller, {}))
        if len(waiting) <= len(self._callers.get(caller, ())) + 1:
            return None
        item, _ = waiting.popitem()
        self._left(greedy, waiting)
        return item

    def _left(self, caller: str, own: dict[T, None]) -> None:
        self.length -= 1
        if not own:
            del self._callers[caller]
