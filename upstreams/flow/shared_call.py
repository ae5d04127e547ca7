"""One call that several requests share: its waiters, its keys, and how it counts for each of them."""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from typing import Generic, TypeVar

from msgspec.structs import replace
from typing_extensions import override

from core.call import Call, Measured, Tally
from core.fair_queue import Waiter
from core.lifetime import Lifetime

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class KeysWaiter(Waiter[Mapping[K, V]]):
    """A request that waits for the answers to its keys, first in the queue and then for a shared call."""

    __slots__ = ("batch", "call", "context", "keys")

    def __init__(self, keys: Sequence[K], call: Call) -> None:
        super().__init__(call.caller)
        self.keys = keys
        self.call = call
        self.batch: Batch[K, V] | None = None
        # The shared call runs in the context of its first waiter, not of the request whose end allowed the call.
        self.context = copy_context()


class Batch(Generic[K, V]):
    """The waiters that share a call, in their order, and their keys."""

    def __init__(self, waiters: list[KeysWaiter[K, V]], keys: list[K]) -> None:
        self.waiters = waiters
        self.keys = keys
        self.wanted_by = len(waiters)
        self.is_over = False
        self.task: asyncio.Task[None] | None = None
        for waiter in waiters:
            waiter.batch = self

    def call(self) -> Call:
        """The call of the first waiter, with the latest deadline of all waiters."""
        first = self.waiters[0].call
        if len(self.waiters) == 1:
            return first
        latest = max((waiter.call.deadline for waiter in self.waiters), key=lambda deadline: deadline.at)
        wants = frozenset().union(*(waiter.call.wants for waiter in self.waiters))
        may_lag = all(waiter.call.may_lag for waiter in self.waiters)
        return replace(
            first,
            deadline=latest,
            tally=_SharedTally(self.waiters),
            wants=wants,
            lifetime=Lifetime(),
            may_lag=may_lag,
        )

    def answer(self, found: Mapping[K, V]) -> None:
        self.is_over = True
        for waiter in self.waiters:
            waiter.serve(found)

    def fail(self, error: Exception) -> None:
        self.is_over = True
        for waiter in self.waiters:
            waiter.refuse(error)

    def leave(self) -> None:
        """Remove a waiter. The call is cancelled if all its waiters are removed before the answer."""
        self.wanted_by -= 1
        if not self.wanted_by and self.task is not None and not self.is_over:
            self.task.cancel()


class _SharedTally(Tally):
    """Counts a call once, for its first waiter, so that the sum over all requests is the number of calls.

    Keys count for each waiter that asked for them.
    """

    def __init__(self, waiters: Sequence[KeysWaiter[K, V]]) -> None:
        super().__init__()
        self._waiters: Sequence[KeysWaiter[K, V]] = waiters

    @override
    def add(self, system: str, calls: int, keys: int) -> None:
        """Each waiter has its own number of keys."""
        present = [waiter for waiter in self._waiters if not waiter.served.done()] or self._waiters[:1]
        for number, waiter in enumerate(present):
            # The other waiters have used 0 calls, which their answers report.
            waiter.call.tally.add(system, 0 if number else calls, len(waiter.keys))

    def timed(self, system: str) -> AbstractContextManager[None]:
        """Measures the call for each waiter that asks for times."""
        sums = [seconds for waiter in self._waiters if (seconds := waiter.call.tally.seconds) is not None]
        return Measured(sums, system) if sums else nullcontext()
