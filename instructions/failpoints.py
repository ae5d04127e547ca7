"""Failpoints: named steps of an instruction at which a test can end the process.

Only tests set the hook. Without a hook a failpoint costs one attribute look-up.
"""

from collections.abc import Callable
from enum import Enum, auto


class Failpoint(Enum):
    """The failpoints, in the order in which a command reaches them. Only a command that waited is approved. The sender
    of
    webhooks reaches the last ones.
    """

    ASKED = auto()
    KEY_LOOKED_UP = auto()
    CHECKED = auto()
    WRITING_DOWN = auto()
    WRITTEN_DOWN = auto()
    APPROVING = auto()
    APPROVED = auto()
    PREPARING = auto()
    PREPARED = auto()
    MARKING_SENT = auto()
    MARKED_SENT = auto()
    SENDING = auto()
    ANSWERED = auto()
    STORING = auto()
    STORED = auto()
    REPLYING = auto()
    RECONCILING = auto()
    RECONCILED = auto()
    WEBHOOK_PLANNED = auto()
    WEBHOOK_SENDING = auto()
    WEBHOOK_ANSWERED = auto()
    WEBHOOK_STORED = auto()


class _Hook:
    call: Callable[[Failpoint], None] | None = None


hook = _Hook()


def reached(step: Failpoint) -> None:
    """Call the hook, if a test has set one."""
    if hook.call is not None:
        hook.call(step)
