"""The bounds of numbers in the settings, and the check of addresses with a password.

msgspec makes the message about a wrong number (api/settings/mistakes.py).
"""

from typing import Annotated

from msgspec import Meta

from core.addresses import POSTGRESQL, REDIS, Ambiguous, check_address, has_several_hosts
from core.errors import ConfigError
from core.secret import Secret

# A number that must be at least one, and a number that may be zero to switch a feature off.
Some = Annotated[int, Meta(ge=1)]
AnyNumber = Annotated[int, Meta(ge=0)]
# A time limit in seconds. It is finite, because no caller waits longer than a day. `NoSeconds` may be
# zero.
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
NoSeconds = Annotated[float, Meta(ge=0, le=86_400)]
WholeSeconds = Annotated[int, Meta(ge=1, le=86_400)]
# A time in a cache, at most a year.
Age = Annotated[float, Meta(ge=0, le=31_536_000)]
WholeAge = Annotated[int, Meta(ge=0, le=31_536_000)]
# A port number; 0 means any free port.
Port = Annotated[int, Meta(ge=0, le=65_535)]


def check_database_address(path: str, url: Secret | None) -> None:
    """Raise ConfigError for an ambiguous address of PostgreSQL."""
    _check_secret_address(path, url, POSTGRESQL)


def check_replica_address(path: str, url: Secret | None) -> None:
    """Raise ConfigError for an address that may lead to several servers. A replica is probed by one connection and read
    by others.
    """
    check_database_address(path, url)
    if url is not None and has_several_hosts(url.reveal()):
        raise ConfigError(path, "has several hosts; name one, because all connections must lead to the same server")


def check_redis_address(path: str, url: Secret | None) -> None:
    """Raise ConfigError for an ambiguous address of Redis."""
    _check_secret_address(path, url, REDIS)


def _check_secret_address(path: str, url: Secret | None, schemes: tuple[str, ...]) -> None:
    """Raise ConfigError for an ambiguous address, before a driver parses it. The message does not show the address,
    which may have a password.
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
