"""What the layers of one HTTP request tell each other: one entry in the ASGI scope."""

import weakref
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import Scope

from core.lifetime import Lifetime

_ENTRY: Final = "brokergraph.request"


@dataclass(slots=True)
class RequestState:
    """`cycle` is weak: uvicorn's cycle holds the scope, and a reference back would make a cycle for the collector."""

    cycle: "weakref.ref[Any] | None" = None
    """uvicorn's side of the request (api/wire/direct_write.py); None under another server."""
    is_whole: bool = False
    """The body arrived together with the headers (api/wire/incoming.py)."""
    lifetime: Lifetime | None = None
    """The request's lifetime, once its operation runs."""
    admission: Any = None
    """The request's slot (api/admission/load_shedding.py); None where no limiter stands in front."""


def state_of(scope: Scope) -> RequestState:
    """The request's state, made on first use."""
    state: RequestState | None = scope.get(_ENTRY)
    if state is None:
        state = scope[_ENTRY] = RequestState()
    return state
