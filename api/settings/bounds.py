"""What numbers in the settings may be; the words about one that may not be are msgspec's (api/settings/mistakes.py)."""

from typing import Annotated, Final

from msgspec import Meta

from core.secret import Secret

# How many of something without which nothing works, and of something that may be switched off.
Some = Annotated[int, Meta(ge=1)]
AnyNumber = Annotated[int, Meta(ge=0)]
# How long something may take: a time that is never over is as good as none. A day is longer than anybody waits.
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
WholeSeconds = Annotated[int, Meta(ge=1, le=86_400)]
# How long something is believed, at most a year.
Age = Annotated[float, Meta(ge=0, le=31_536_000)]
WholeAge = Annotated[int, Meta(ge=0, le=31_536_000)]
# 0: a free one, whichever it is.
Port = Annotated[int, Meta(ge=0, le=65_535)]

_POSTGRESQL: Final = ("postgresql://", "postgres://")


def check_database(name: str, url: Secret | None) -> None:
    """Raises ValueError for an address of anything but PostgreSQL. It is not shown: there may be a password in it."""
    if url is not None and not url.reveal().startswith(_POSTGRESQL):
        raise ValueError(f"{name} must begin with postgresql://, like postgresql://user:password@host:5432/database")
