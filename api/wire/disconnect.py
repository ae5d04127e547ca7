"""Cancels a query when its client disconnects, with the calls that it alone has under way.

A mutation is never cancelled: its client may only have lost the connection, and the command does not depend on it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from starlette.types import Scope

from api.wire.request_state import state_of

# nginx's status for it. It appears only in metrics and logs.
STATUS: Final = 499


class ClientDisconnected(Exception):
    """The client has disconnected, so no answer can be sent."""


@contextmanager
def until_disconnect(scope: Scope) -> Iterator[None]:
    """Raises ClientDisconnected as soon as the client disconnects."""
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
