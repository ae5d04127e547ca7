"""The state of one HTTP request that its layers share: one entry in the ASGI scope."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import Scope

from core.lifetime import Lifetime

_ENTRY: Final = "brokergraph.request"


@dataclass(slots=True)
class RequestState:
    """`cycle` is a weak reference, because uvicorn's cycle refers to the scope, and only the garbage collector frees
    circular references.
    """

    cycle: "weakref.ref[Any] | None" = None
    """uvicorn's side of the request (api/wire/direct_write.py); None under another server."""
    is_whole: bool = False
    """The body, if it arrived together with the headers (api/wire/incoming.py)."""
    lifetime: Lifetime | None = None
    """The request's lifetime, once its operation runs."""
    admission: Any = None
    """The request's slot (api/admission/load_shedding.py); None without a limiter."""
    end_stream: Callable[[], None] | None = None
    """Ends the stream that answers the request, when the server stops."""


def state_of(scope: Scope) -> RequestState:
    """The state of the request. It is made at its first use."""
    state: RequestState | None = scope.get(_ENTRY)
    if state is None:
        state = scope[_ENTRY] = RequestState()
    return state
