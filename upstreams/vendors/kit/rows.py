"""Reading a batch answer row by row, so that one unreadable row costs one login and not two hundred."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from core.errors import UpstreamError
from upstreams.http import lenient_json as wire
from upstreams.http.failures import Failures

T = TypeVar("T")
R = TypeVar("R")

NONSENSE = (msgspec.ValidationError, ValueError, ArithmeticError)
"""What reading a row may raise."""


class _RowLogin(msgspec.Struct):
    login: int | str


def read_rows(
    data: msgspec.Raw,
    kind: type[T],
    entries: Callable[[Iterable[T]], dict[str, R]],
    asked: Sequence[str],
    failures: Failures,
) -> Mapping[str, R | UpstreamError]:
    """By login what `entries` makes of the rows. A row that cannot be read becomes its login's error. Where it does not
    even say whose it is, all that were asked and not found carry the error: it may be any of them. Raises Misunderstood
    for a row that nobody asked for.
    """
    try:
        return require_asked(entries(_all_of(kind).decode(data)), asked, failures)  # type: ignore[arg-type]
    except NONSENSE:
        pass
    found: dict[str, R | UpstreamError] = {}
    nobodys: UpstreamError | None = None
    for row in msgspec.json.decode(data, type=list[msgspec.Raw]):
        try:
            found |= entries([msgspec.json.decode(row, type=kind)])
        except NONSENSE as error:
            broken = unreadable_row(error, failures)
            blamed = _blame(row, broken)
            found |= blamed
            nobodys = nobodys if blamed else broken
    require_asked(found, asked, failures)
    return found if nobodys is None else {login: found.get(login, nobodys) for login in asked}


def require_asked(found: Mapping[str, R], asked: Sequence[str], failures: Failures) -> Mapping[str, R]:
    """The same, if all of it was asked for. A row that was not says that this is the answer to another question, so
    that none of it can be believed: Misunderstood.
    """
    if found.keys() <= set(asked):
        return found
    raise failures.unreadable(writes=False, detail="a row that nobody asked for")


@lru_cache(maxsize=256)
def _all_of(kind: type[Any]) -> msgspec.json.Decoder[list[Any]]:
    return msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]


def unreadable_row(error: Exception, failures: Failures) -> UpstreamError:
    return failures.unreadable(writes=False, detail=f"row: {type(error).__name__}")


def _blame(row: msgspec.Raw, error: UpstreamError) -> dict[str, UpstreamError]:
    try:
        return {str(wire.decode(bytes(row), _RowLogin).login): error}
    except msgspec.ValidationError:
        return {}
