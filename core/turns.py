"""Turns of the event loop, for work that is better done for several requests at once."""

import asyncio
from collections.abc import Callable
from typing import Final

# A busy process reads one request after another. After a turn in which a further request has come, the next turn often
# brings more. Work therefore waits while turns bring requests, for this number of turns at most.
_MOST_TURNS: Final = 4


def after_arrivals(loop: asyncio.AbstractEventLoop, count: Callable[[], int], then: Callable[[], None]) -> None:
    """Call `then` after the first turn that does not raise `count()`, the number of requests that have come. A request
    alone waits for the end of its turn only.
    """
    loop.call_soon(_end_turn, loop, count, then, 1, 1)


def _end_turn(
    loop: asyncio.AbstractEventLoop, count: Callable[[], int], then: Callable[[], None], known: int, turn: int
) -> None:
    present = count()
    if present > known and turn < _MOST_TURNS:
        loop.call_soon(_end_turn, loop, count, then, present, turn + 1)
    else:
        then()
