import re
from random import Random, SystemRandom
from typing import Final

REQUEST_ID: Final = "X-Request-Id"


# A caller's own id connects the caller's log with ours. Only characters that are safe in a log and in a header are
# accepted.
_CORRELATION: Final = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


# Random bytes of the system would take longer than all other work for the id.
_dice: Final = Random(SystemRandom().getrandbits(256))  # noqa: S311 - see id_bits().


def request_id(given: str) -> str:
    """The caller's id for the request (X-Request-Id) if it is valid, otherwise a new id."""
    return given if given and _CORRELATION.match(given) else new_id()


def id_bits() -> int:
    """The number of a new id. A guessed id gives no access: it only finds lines in a log."""
    return _dice.getrandbits(64)


def new_id() -> str:
    return f"{id_bits():016x}"
