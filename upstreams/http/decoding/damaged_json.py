"""Mending of answers that are not JSON, because one value of one row is damaged.

Vendors' servers write NaN, Infinity, -nan(ind) and 1.#QNAN, raw control characters, lone surrogates, quotes without a
backslash, and a byte order mark. `mend` makes well-formed JSON of such an answer, in which

- a value that cannot be read is the marker `[["its text"]]`, which no type of ours accepts;
- a row that cannot be read is a JSON string with its bytes, which is no object;
- every other row has exactly its own bytes.

The quick path never comes here: the link mends an answer only after the vendor's module could not read the answer.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

Json = Any

# The members in which vendors' answers have their lists.
_LIST: Final = re.compile(rb'"(?:data|Data|records|answer)"\s*:\s*\[')
# A row is an object with members. The end of a text can look like the border of two rows, as in `"x": "},{", "y": 1`.
# Then the first piece ends within a text, so that only both pieces together can be read.
_BETWEEN_ROWS: Final = re.compile(rb'(?<=\})\s*,\s*(?=\{\s*")')
_TEXT: Final = r'"(?:[^"\\]|\\.)*+'
_ANY_TEXT: Final = re.compile(rf'{_TEXT}(")?'.encode(), re.DOTALL)
# A name with a value that no JSON value begins with, or with a number that does not end like one. The second form
# passes texts over, because a text may look like such a member. A text without an end is passed over as well, because
# the search would begin again at each of its quotes.
_ODD_NUMBER: Final = re.compile(
    rf'({_TEXT}"\s*:\s*)(?!(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*[,}}\]])'
    rf'([^\s"\[\]{{}},][^"\[\]{{}},]*)|{_TEXT}"?',
    re.DOTALL,
)
# Control characters, half of a surrogate pair, and bytes that are not UTF-8.
_DAMAGE: Final = re.compile("[\x00-\x1f\ud800-\udfff]")
# With more damaged rows, the answer is not mended: a large list would hold the process up.
MOST_DAMAGED_ROWS: Final = 1000
_MOST_ENDS: Final = 16
# So many whole rows are joined with a row that does not end, and so many pieces in all.
_MOST_WHOLE: Final = 3
_MOST_PIECES: Final = 16
_NOT_READ: Final = (ValueError, ArithmeticError, RecursionError)

_encoder: Final = msgspec.json.Encoder(decimal_format="number")


class _Unreadable(str):
    """The text of a value that is no JSON value."""

    __slots__ = ()


def mend(body: bytes) -> bytes | None:
    """The answer as well-formed JSON. None for an answer that is well-formed or that cannot be mended."""
    if is_well_formed(body):
        return None
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if is_well_formed(text):
        return text
    try:
        return _mend_list(text) or _mend_value(text)
    except ValueError:
        return None


def is_well_formed(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except _NOT_READ:
        return False
    return True


def bytes_of_row(row: bytes) -> bytes | None:
    """The bytes of a row that could not be read; None for any other row."""
    if not row.startswith(b'"'):
        return None
    return msgspec.json.decode(row, type=str).encode("latin-1", "replace")


def _mend_list(text: bytes) -> bytes | None:
    """The answer with each row of its list mended. The envelope around the list must be well-formed."""
    begin = _LIST.search(text)
    start = 0 if begin is None else begin.end()
    if begin is None:
        if not text.startswith(b"["):
            return None
        start = 1
    end = len(text)
    for _ in range(_MOST_ENDS):
        end = text.rfind(b"]", start, end)
        if end < 0:
            return None
        if is_well_formed(text[:start] + text[end:]):
            rows = b",".join(_rows(text[start:end].strip()))
            return text[:start] + rows + text[end:]
    return None


def _rows(text: bytes) -> Iterator[bytes]:
    """Cut a list into rows and mend each. Raises ValueError for too many damaged rows."""
    pieces = _BETWEEN_ROWS.split(text) if text else []
    place = damaged = 0
    while place < len(pieces):
        row, count = _first_row(pieces, place)
        damaged += row is not pieces[place]
        if damaged > MOST_DAMAGED_ROWS:
            raise ValueError("too many damaged rows")
        yield row
        place += count


def _first_row(pieces: list[bytes], place: int) -> tuple[bytes, int]:
    """The first row, and of how many pieces it consists: a row may contain a list of objects."""
    whole = 0
    for count in range(1, min(_MOST_PIECES, len(pieces) - place) + 1):
        row = b",".join(pieces[place : place + count]) if count > 1 else pieces[place]
        if is_well_formed(row):
            return row, count
        if not _goes_on(row):
            mended = _mend_value(row)
            if mended is not None:
                return mended, count
            break
        whole += count > 1 and is_well_formed(pieces[place + count - 1])
        if whole > _MOST_WHOLE:
            break
    return _encoder.encode(pieces[place].decode("latin-1")), 1


def _goes_on(piece: bytes) -> bool:
    """Whether the piece ends within a text, a list or an object."""
    rest = _ANY_TEXT.sub(lambda text: b"" if text[1] else b'"', piece)
    return b'"' in rest or rest.count(b"{") + rest.count(b"[") > rest.count(b"}") + rest.count(b"]")


def _mend_value(text: bytes) -> bytes | None:
    """One value, with markers for what cannot be read in it."""
    written = text.decode("utf-8", "surrogateescape")
    for attempt in (written, _ODD_NUMBER.sub(_as_marker, written)):
        try:
            return _encoder.encode(_mark_damage(_tolerant.decode(attempt)))
        except _NOT_READ:
            continue
    return None


def _as_marker(found: re.Match[str]) -> str:
    if found[2] is None:
        return found[0]
    return f"{found[1]}{json.dumps([[found[2].strip()]])}"


def _members(pairs: list[tuple[str, Json]]) -> Json:
    """An object. A member that it has twice is not readable, because quotes in texts can make members.

    Its marker has both values: one of them may be the reference for which a history is searched.
    """
    found: dict[str, Json] = {}
    for name, value in pairs:
        found[name] = value if name not in found else _Unreadable(f"{found[name]} {value}")
    return found


_tolerant: Final = json.JSONDecoder(
    strict=False, parse_float=Decimal, parse_constant=_Unreadable, object_pairs_hook=_members
)


def _mark_damage(value: Json) -> Json:
    if isinstance(value, dict):
        return {_printable(name): _mark_damage(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_mark_damage(one) for one in value]
    if isinstance(value, str) and (isinstance(value, _Unreadable) or _DAMAGE.search(value)):
        return [[_printable(value)]]
    return value


def _printable(text: str) -> str:
    """The text without surrogates, which JSON cannot hold alone."""
    return text.encode("utf-8", "replace").decode()
