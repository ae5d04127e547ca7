"""Reading a batch answer row by row, so that one unreadable row costs one login and not two hundred."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from upstreams import wire
from upstreams.errors import UpstreamError
from upstreams.faults import Failures
from upstreams.platforms.live import Rows
from upstreams.records import LiveAccountRecord

T = TypeVar("T")


class _Whose(msgspec.Struct):
    login: int | str


def read_rows(
    data: msgspec.Raw,
    kind: type[T],
    record: Callable[[T], LiveAccountRecord],
    asked: Sequence[str],
    failures: Failures,
) -> Rows:
    """Records by login. A row that cannot be read becomes its login's error. Where it does not even say whose it is,
    all that were asked and not found carry the error: it may be any of them.
    """
    try:
        return _by_login([record(row) for row in msgspec.json.decode(data, type=list[kind])])  # type: ignore[valid-type]
    except (msgspec.ValidationError, ValueError, ArithmeticError):
        pass
    found: dict[str, LiveAccountRecord | UpstreamError] = {}
    nobodys: UpstreamError | None = None
    for row in msgspec.json.decode(data, type=list[msgspec.Raw]):
        try:
            found |= _by_login([record(msgspec.json.decode(row, type=kind))])
        except (msgspec.ValidationError, ValueError, ArithmeticError) as error:
            broken = failures.unreadable(writes=False, detail=f"row: {type(error).__name__}")
            blamed = _blamed(row, broken)
            found |= blamed
            nobodys = nobodys if blamed else broken
    return found if nobodys is None else {login: found.get(login, nobodys) for login in asked}


def _by_login(records: Sequence[LiveAccountRecord]) -> dict[str, LiveAccountRecord | UpstreamError]:
    return {record.login: record for record in records}


def _blamed(row: msgspec.Raw, error: UpstreamError) -> dict[str, LiveAccountRecord | UpstreamError]:
    try:
        return {str(wire.decode(bytes(row), _Whose).login): error}
    except msgspec.ValidationError:
        return {}
