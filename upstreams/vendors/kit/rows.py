"""Rows of a batch answer. Rows are decoded one by one, so that an unreadable row fails one login instead of all."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import GenericAlias
from typing import Any, TypeVar

import msgspec

from core.errors import UpstreamError
from upstreams.http import lenient_json as wire
from upstreams.http.failures import Failures

T = TypeVar("T")
R = TypeVar("R")

NONSENSE = (msgspec.ValidationError, ValueError, ArithmeticError)
"""The errors of reading a row."""


class _RowLogin(msgspec.Struct):
    login: int | str


def read_rows(
    data: msgspec.Raw,
    kind: type[T],
    entries: Callable[[Iterable[T]], dict[str, R]],
    asked: Sequence[str],
    failures: Failures,
) -> Mapping[str, R | UpstreamError]:
    """The values that `entries` makes of the rows, by login.

    An unreadable row becomes the error of its login. If its login is unreadable too, the error is the answer for every
    requested login that was not found. Raises Misunderstood for an unrequested row.
    """
    try:
        return require_asked(entries(_all_of(kind).decode(data)), asked, failures)  # type: ignore[arg-type]
    except NONSENSE:
        pass
    found: dict[str, R | UpstreamError] = {}
    unassigned: UpstreamError | None = None
    for row in msgspec.json.decode(data, type=list[msgspec.Raw]):
        try:
            found |= entries([msgspec.json.decode(row, type=kind)])
        except NONSENSE as error:
            broken = unreadable_row(error, failures)
            blamed = _blame(row, broken)
            found |= blamed
            unassigned = unassigned if blamed else broken
    require_asked(found, asked, failures)
    return found if unassigned is None else {login: found.get(login, unassigned) for login in asked}


def require_asked(found: Mapping[str, R], asked: Sequence[str], failures: Failures) -> Mapping[str, R]:
    """The rows, if all of them were requested. Otherwise the answer belongs to another request, and Misunderstood is
    raised.
    """
    if found.keys() <= set(asked):
        return found
    raise failures.unreadable(writes=False, detail="an unrequested row")


@lru_cache(maxsize=256)
def _all_of(kind: type[Any]) -> msgspec.json.Decoder[list[Any]]:
    rows: Any = GenericAlias(list, (kind,))
    return msgspec.json.Decoder(rows)


def unreadable_row(error: Exception, failures: Failures) -> UpstreamError:
    return failures.unreadable(writes=False, detail=f"row: {type(error).__name__}")


def _blame(row: msgspec.Raw, error: UpstreamError) -> dict[str, UpstreamError]:
    try:
        return {str(wire.decode(bytes(row), _RowLogin).login): error}
    except msgspec.ValidationError:
        return {}
