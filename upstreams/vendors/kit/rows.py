"""Rows of a batch answer. They can be read one by one, so that an unreadable row costs one login instead of all.

- A type of rows names its money in `MONEY`. Money and required fields are primary: a row without them is an error.
- Every other field is secondary. It is None where it cannot be read, and the rest of its row stands.
- Two rows with one login are an error of that login.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import GenericAlias
from typing import Any, Final, TypeVar

import msgspec

from core.errors import UpstreamError
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.decoding.damaged_json import MOST_DAMAGED_ROWS, bytes_of_row
from upstreams.http.failures import Failures

T = TypeVar("T")
R = TypeVar("R")

NONSENSE = (ValueError, ArithmeticError)
"""The errors of reading a row. Those of msgspec are ValueErrors."""

# A quote within a text has a backslash in front, so that it does not match.
_LOGIN: Final = re.compile(rb'(?<!\\)"[lL]ogin"\s*:\s*"?(\d+)"?\s*[,}]')
_NO_MONEY: Final[frozenset[str]] = frozenset()


class _RowLogin(msgspec.Struct):
    login: int | str | None = None
    capital: int | str | None = msgspec.field(name="Login", default=None)


def read_rows(
    data: msgspec.Raw,
    kind: type[T],
    entries: Callable[[Iterable[T]], Mapping[str, R]],
    asked: Sequence[str],
    failures: Failures,
) -> Mapping[str, R | UpstreamError]:
    """The values that `entries` makes of the rows, by login. An object counts as a list of one row.

    An unreadable row becomes the error of its login. If its login is unreadable too, the error is the answer for every
    requested login that was not found. Raises Misunderstood for an unrequested row.
    """
    found, unassigned = read_all_rows(data, kind, entries, failures, asked)
    require_asked(found, asked, failures)
    return found if unassigned is None else {login: found.get(login, unassigned) for login in asked}


def read_all_rows(
    data: msgspec.Raw,
    kind: type[T],
    entries: Callable[[Iterable[T]], Mapping[str, R]],
    failures: Failures,
    asked: Sequence[str] | None = None,
) -> tuple[Mapping[str, R | UpstreamError], UpstreamError | None]:
    """The values by login, and the error of each login that has none. None: absence is certain."""
    try:
        rows = _all_of(kind).decode(data)  # type: ignore[arg-type]
        values = entries(rows)
        if len(values) == len(rows):
            return values, None
    except NONSENSE:
        pass
    found: dict[str, R | UpstreamError] = {}
    unassigned: UpstreamError | None = None
    damaged = 0
    for row in cut_rows(data):
        mine = _read_row(row, kind, entries, failures, asked)
        damaged += not mine or any(isinstance(one, UpstreamError) for one in mine.values())
        if damaged > MOST_DAMAGED_ROWS:
            raise failures.unreadable(writes=False, detail="too many damaged rows")
        if not mine:
            unassigned = unreadable_row("no login", failures)
        for login, value in mine.items():
            found[login] = unreadable_row("a login twice", failures) if login in found else value
    return found, unassigned


def _read_row(
    row: msgspec.Raw,
    kind: type[T],
    entries: Callable[[Iterable[T]], Mapping[str, R]],
    failures: Failures,
    asked: Sequence[str] | None,
) -> Mapping[str, R | UpstreamError]:
    """The value or the error of one row, by login. Empty for an unreadable row without a login that was asked for."""
    try:
        return read_one(row, kind, lambda one: entries([one]))
    except NONSENSE as error:
        login = login_of(row)
        if login is None or (asked is not None and login not in asked):
            return {}
        return {login: unreadable_row(type(error).__name__, failures)}


def cut_rows(data: msgspec.Raw | bytes) -> list[msgspec.Raw]:
    """The rows of a list, undecoded."""
    written = bytes(data)
    if written.startswith(b"{"):
        return [msgspec.Raw(written)]
    return msgspec.json.decode(written, type=list[msgspec.Raw])


def read_one(row: bytes | msgspec.Raw, kind: type[T], make: Callable[[T], R]) -> R:
    """What `make` makes of one row. Secondary fields that cannot be read are None. Raises one of NONSENSE."""
    try:
        return make(msgspec.json.decode(row, type=kind))
    except NONSENSE:
        return _salvage(row, kind, make)


def _salvage(row: bytes | msgspec.Raw, kind: type[T], make: Callable[[T], R]) -> R:
    """Make it of the primary fields, and of each secondary field with which `make` succeeds."""
    members = msgspec.json.decode(row, type=dict[str, msgspec.Raw])
    money: frozenset[str] = getattr(kind, "MONEY", _NO_MONEY)
    good: dict[str, Any] = {}
    secondary: dict[str, Any] = {}
    for one in msgspec.structs.fields(kind):  # type: ignore[arg-type]
        written = members.get(one.encode_name)
        if one.required or one.name in money:
            if written is not None:
                good[one.name] = msgspec.json.decode(written, type=one.type)
            elif one.required:
                raise wire.Nonsense("a required field is missing")
        elif written is not None:
            try:
                secondary[one.name] = msgspec.json.decode(written, type=one.type)
            except NONSENSE:
                continue
    result = make(kind(**good))
    for name, value in secondary.items():
        try:
            result = make(kind(**good, **{name: value}))
        except NONSENSE:
            continue
        good[name] = value
    return result


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


def unreadable_row(detail: str, failures: Failures) -> UpstreamError:
    return failures.unreadable(writes=False, detail=f"row: {detail}")


def login_of(row: bytes | msgspec.Raw) -> str | None:
    """The login of an unreadable row. None where it cannot be read, or where the row names two."""
    written = bytes(row)
    damaged = bytes_of_row(written)
    if damaged is not None:
        named = set(_LOGIN.findall(damaged))
        return named.pop().decode() if len(named) == 1 else None
    try:
        row_login = wire.decode(written, _RowLogin)
    except msgspec.DecodeError:
        return None
    return wire.read_text(row_login.capital if row_login.login is None else row_login.login)
