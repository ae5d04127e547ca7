"""A query that nobody waits for any more is given up, with the calls that it alone has under way.

A mutation never is: its client may only have lost his connection, and what becomes of an order does not hang on that.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from starlette.types import Scope

from api.wire.request_state import state_of

# nginx's word for it. Nobody reads it but those who look at metrics and logs.
STATUS: Final = 499


class ClientDisconnected(Exception):
    """There is nobody to answer."""


@contextmanager
def until_disconnect(scope: Scope) -> Iterator[None]:
    """Raises HungUp as soon as the client hangs up."""
    task = asyncio.current_task()
    assert task is not None, "requests run in tasks"
    is_gone = False

    def gone() -> None:
        nonlocal is_gone
        is_gone = True
        task.cancel()

    state = state_of(scope)
    state.on_disconnect = gone
    try:
        yield
    except asyncio.CancelledError:
        if is_gone and not task.uncancel():
            raise ClientDisconnected from None
        raise
    finally:
        state.on_disconnect = None
