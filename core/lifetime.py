"""The lifetime of one request: its slot of the concurrency limiter, and its cancellation when its client disconnects.

The HTTP layer makes the lifetime. Every call to an upstream carries it (core/call.py).
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from typing_extensions import override


class ClientDisconnected(Exception):
    """The client has disconnected, so no answer can be sent."""


class Slot:
    """The permission of the concurrency limiter to use the process. This base class is for work without a limiter."""

    def release(self) -> None:
        """The request waits for another system."""

    def take(self) -> None:
        """The request continues."""


_NO_SLOT: Final = Slot()


class Lifetime:
    """The lifetime of one request, or of background work, which has no slot and is not cancelled."""

    __slots__ = ("_is_disconnected", "_slot", "_task", "_waits")

    def __init__(self, slot: Slot = _NO_SLOT) -> None:
        self._slot = slot
        self._waits = 0
        self._task: asyncio.Task[object] | None = None
        self._is_disconnected = False

    @contextmanager
    def waiting_for_vendor(self) -> Iterator[None]:
        """Releases the slot in the body. Several calls at the same time count as one."""
        self.begin_wait()
        try:
            yield
        finally:
            self.end_wait()

    def begin_wait(self) -> None:
        self._waits += 1
        if self._waits == 1:
            self._slot.release()

    def end_wait(self) -> None:
        self._waits -= 1
        if self._waits == 0:
            self._slot.take()

    @contextmanager
    def cancellable(self) -> Iterator[None]:
        """Raise ClientDisconnected as soon as the client disconnects, and cancel only the calls of this request.

        A mutation does not run in this context, because a command continues even if its client has lost the connection.
        """
        self._task = task = asyncio.current_task()
        assert task is not None, "requests run in tasks"
        try:
            yield
        except asyncio.CancelledError:
            if self._is_disconnected and not task.uncancel():
                raise ClientDisconnected from None
            raise
        finally:
            self._task = None

    def disconnect(self) -> None:
        """The client has disconnected: cancel the request, if it may be cancelled now."""
        if self._task is not None:
            self._is_disconnected = True
            self._task.cancel()


class JointSlot(Slot):
    """The slots of requests that run together: all of them wait for a vendor at the same time."""

    def __init__(self, lifetimes: Iterable[Lifetime]) -> None:
        self._lifetimes = set(lifetimes)
        self._is_released = False

    @override
    def release(self) -> None:
        self._is_released = True
        for lifetime in self._lifetimes:
            lifetime.begin_wait()

    @override
    def take(self) -> None:
        self._is_released = False
        for lifetime in self._lifetimes:
            lifetime.end_wait()

    def leave(self, lifetime: Lifetime) -> None:
        """A request ends before the run, or has already left."""
        if lifetime in self._lifetimes:
            self._lifetimes.remove(lifetime)
            if self._is_released:
                lifetime.end_wait()
