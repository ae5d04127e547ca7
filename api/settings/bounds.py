"""What numbers in the settings may be, and what addresses that hold a password may be.

The words about a wrong number are msgspec's (api/settings/mistakes.py).
"""

from typing import Annotated

from msgspec import Meta

from core.addresses import Ambiguous, check_address
from core.config_error import ConfigError
from core.secret import Secret

# How many of something without which nothing works, and of something that may be switched off.
Some = Annotated[int, Meta(ge=1)]
AnyNumber = Annotated[int, Meta(ge=0)]
# A time limit in seconds; an unlimited one is no limit. No caller waits longer than a day.
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
WholeSeconds = Annotated[int, Meta(ge=1, le=86_400)]
# How long something is believed, at most a year.
Age = Annotated[float, Meta(ge=0, le=31_536_000)]
WholeAge = Annotated[int, Meta(ge=0, le=31_536_000)]
# 0: a free one, whichever it is.
Port = Annotated[int, Meta(ge=0, le=65_535)]


def check_secret_address(path: str, url: Secret | None, schemes: tuple[str, ...]) -> None:
    """Raise ConfigError for an address that can be read in more than one way, before a driver reads it in one of them.
    It is not shown: there may be a password in it.
    """
    if url is None:
        return
    try:
        check_address(url.reveal(), schemes)
    except Ambiguous as error:
        problem = (
            f"cannot be read: {error}. Write it like {schemes[0]}://user:password@host/database, and "
            f"percent-encode the password of {path}: # is %23, / is %2F, ? is %3F, @ is %40, % is %25, [ is %5B"
        )
        raise ConfigError(path, problem) from None
