"""Who waits for a place, in which order they are called, and how long it is worth the wait.

A burst and an overload begin alike: many come at once. What tells them apart is what becomes of the line. So:

    calm      who comes may wait for long, and the oldest is called first. But while the line leads nowhere, which is to
              say that it grows, or is long and does not get shorter, the newest: should this be an overload,
              those who are answered are answered in time. A line that is merely there is none: sixteen who ask again
              as soon as they are answered wait for each other, and all are answered
              Callers take turns: whoever sends a hundred at once waits for himself
    swamped   the line led nowhere for three windows: everybody in it is told so at once, and who comes now waits for a
              moment at most, until for a whole window nobody had to be turned away
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from itertools import chain
from typing import Final

from core.clock import Clock

_WINDOW_SECONDS: Final = 0.5
_WINDOWS: Final = 3
# Less than a tenth more is no growth, and a line that is called within half a window is no matter.
_GROWTH: Final = 1.1
_SHORT: Final = 0.5
_TOO_LONG_SECONDS: Final = 0.25
# So few may all wait for something large; who waits in vain loses patience.
_FEW: Final = 16
_MOMENT_SECONDS: Final = 0.001


class WaitingQueue:
    """`max_wait_seconds`: a calm line's patience. `hand_back`: for the place of one who gave up while it was called."""

    def __init__(self, clock: Clock, max_wait_seconds: float, hand_back: Callable[[], None]) -> None:
        self._clock = clock
        self._hand_back = hand_back
        self._max_wait_seconds = max_wait_seconds
        # By caller; whose turn it is stands first.
        self._turns: OrderedDict[Hashable, deque[asyncio.Future[bool]]] = OrderedDict()
        self._length = 0
        self._window_began = clock.monotonic()
        self._turned_away_at = -_WINDOW_SECONDS
        self._length_then = self._called_then = self._called = self._gave_up = self._windows_of_standing = 0
        self.swamped = False

    def __len__(self) -> int:
        return self._length

    async def wait(self, places: int, caller: Hashable = None) -> bool:
        """Whether a place was got. False: turned away."""
        if self.swamped and self._length >= places:
            return False
        called: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._turns.setdefault(caller, deque()).append(called)
        self._length += 1
        try:
            async with asyncio.timeout(_MOMENT_SECONDS if self.swamped else self._max_wait_seconds):
                return await called
        except TimeoutError:
            self._leave(caller, called)
            self._gave_up += not _was_called(called)
            return _was_called(called)
        except BaseException:
            self._leave(caller, called)
            if _was_called(called):
                self._hand_back()
            raise

    def call(self) -> bool:
        """Whether somebody waited, who has a place now."""
        newest = not self.swamped and self._leads_nowhere(self._called_then)
        while self._turns:
            caller, waiting = self._turns.popitem(last=False)
            called = waiting.pop() if newest else waiting.popleft()
            self._length -= 1
            if waiting:
                self._turns[caller] = waiting
            if not called.done():
                called.set_result(True)
                self._called += 1
                return True
        return False

    def turned_away(self) -> None:
        self._turned_away_at = self._clock.monotonic()

    def look(self) -> None:
        """Once a window: is this still calm, or still an overload?"""
        now = self._clock.monotonic()
        if now - self._window_began < _WINDOW_SECONDS or (self._length and not self._called):
            # Where nobody was called there was nothing to see.
            return
        if self.swamped:
            self.swamped = now - self._turned_away_at < _WINDOW_SECONDS
        else:
            self._judge()
        self._window_began, self._length_then = now, self._length
        self._called_then, self._called, self._gave_up = self._called, 0, 0

    def _leave(self, caller: Hashable, called: asyncio.Future[bool]) -> None:
        waiting = self._turns.get(caller, ())
        if called in waiting:
            self._length -= 1
            self._turns[caller].remove(called)
            if not self._turns[caller]:
                del self._turns[caller]

    def _leads_nowhere(self, called: int) -> bool:
        """`called`: how many are in a window. A line whose last would wait too long is too long, unless it gets
        shorter by those who are called: by those who give up every line does.
        """
        length = self._length
        held = length + self._gave_up
        if held <= _FEW:
            return False
        grows = held > _GROWTH * self._length_then and length > _SHORT * called
        wait_seconds = _WINDOW_SECONDS * length / max(called, 1)
        stands = held > self._length_then - called / 2
        return grows or (stands and wait_seconds > _TOO_LONG_SECONDS)

    def _judge(self) -> None:
        self._windows_of_standing = self._windows_of_standing + 1 if self._leads_nowhere(self._called) else 0
        self.swamped = self._windows_of_standing >= _WINDOWS
        if self.swamped:
            self._windows_of_standing = 0
            for called in chain.from_iterable(self._turns.values()):
                if not called.done():
                    called.set_result(False)
            self._turns.clear()
            self._length = 0


def _was_called(called: asyncio.Future[bool]) -> bool:
    """Whether a place was given in the very moment of giving up."""
    return called.done() and not called.cancelled() and called.result()
