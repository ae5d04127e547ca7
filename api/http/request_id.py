import re
from random import Random, SystemRandom
from typing import Final

REQUEST_ID: Final = "X-Request-Id"


# A caller's own id ties their log to ours; anything that could be more than a name in a log or a header is not taken.
_CORRELATION: Final = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


# Asking the system for each request's few bytes takes longer than all else that is done for its id.
_dice: Final = Random(SystemRandom().getrandbits(256))  # noqa: S311 - see new_id().


def request_id(given: str) -> str:
    """The caller's own id for the request (X-Request-Id) where it is one, else a new one."""
    return given if given and _CORRELATION.match(given) else new_id()


def new_id() -> str:
    """A guessed id gives no access: it only finds lines in a log."""
    return f"{_dice.getrandbits(64):016x}"
