"""The steps of an instruction, by name, so that a rehearsal can end the process at each of them.

Nothing but a rehearsal sets the hook; without one a step costs an attribute look-up.
"""

from collections.abc import Callable
from enum import Enum, auto


class Step(Enum):
    """In the order in which a deposit passes them."""

    ASKED = auto()
    KEY_LOOKED_UP = auto()
    CHECKED = auto()
    WRITING_DOWN = auto()
    WRITTEN_DOWN = auto()
    PREPARING = auto()
    PREPARED = auto()
    MARKING_SENT = auto()
    MARKED_SENT = auto()
    SENDING = auto()
    ANSWERED = auto()
    STORING = auto()
    STORED = auto()
    REPLYING = auto()
    SETTLING = auto()
    SETTLED = auto()


class _Hook:
    call: Callable[[Step], None] | None = None


hook = _Hook()


def passed(step: Step) -> None:
    """Say that the step is reached."""
    if hook.call is not None:
        hook.call(step)
