"""Vendors' JSON: typed and exact, in all forms that the vendors' own documents use for a value."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

T = TypeVar("T")

# A larger exponent is not an amount. 1e400 is valid JSON, and printing it without an exponent could exhaust memory.
LARGEST_EXPONENT = 30

Whole = int | str | None
"""A code in a form that vendors use: 7, "7", "007"."""

Flag = bool | int | str | None
"""A boolean in a form that vendors use: true, 1, "1", "true"."""

_encoder = msgspec.json.Encoder(decimal_format="number")
_number = msgspec.json.Decoder(Decimal)
_NOTHING = frozenset({b"null", b'""'})
_SHORT = 5
_EPOCH_YEAR = 1970


class Nonsense(ValueError):
    """The JSON is well-formed, but its content cannot be used."""


def decode(body: bytes, kind: type[T]) -> T:
    """Decode into a typed struct. Decimal fields keep every digit."""
    return msgspec.json.decode(body, type=kind)


def encode(value: object) -> bytes:
    """Decimals become JSON numbers with exactly their digits."""
    return _encoder.encode(value)


def without_exponent(amount: Decimal) -> Decimal:
    """The same number without an exponent: 100, never 1E+2."""
    return Decimal(format(amount, "f"))


def read_money(value: Decimal | None) -> Decimal | None:
    """The amount. Raises Nonsense for NaN, Infinity and 1e400."""
    if value is None:
        return None
    if not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT:
        raise Nonsense("not an amount")
    return value


def read_required_money(value: Decimal | None) -> Decimal:
    exact = read_money(value)
    if exact is None:
        raise Nonsense("an amount is missing")
    return exact


def read_raw_number(raw: msgspec.Raw | bytes) -> Decimal | None:
    """The exact number of a JSON number or text; null and "" are None."""
    written = bytes(raw)
    return _short_number(written) if len(written) <= _SHORT else _read_number(written)


def _read_number(written: bytes) -> Decimal | None:
    return None if written in _NOTHING else read_money(_number.decode(written))


# The result is cached, because figures such as leverages have few different values that are read thousands of times.
_short_number = lru_cache(maxsize=1024)(_read_number)


def read_whole(value: Whole) -> int | None:
    """7, "7" and "007" are 7; None and "" are None."""
    if value is None or value == "":
        return None
    if isinstance(value, int):
        return value
    text = value.strip()
    if not text.removeprefix("-").isdecimal() or not text.isascii():
        raise Nonsense("not a whole number")
    return int(text[:20])


def read_flag(value: Flag) -> bool | None:
    """True, 1, "1" and "true" are true; 0, "0" and "false" are false; None and "" are None."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    number = read_whole(value)
    return None if number is None else number != 0


def read_text(value: Whole) -> str | None:
    """A text, or a number that some answers have instead of a text; "" is None."""
    return None if value is None or value == "" else str(value)


def read_local_stamp(value: str | None, zone: ZoneInfo) -> datetime | None:
    """A vendor's time as UTC. A time without an offset is local time of the server, in `zone`.

    The start of the epoch is None, because it means "never" in MetaTrader.
    """
    if not value:
        return None
    stamp = datetime.fromisoformat(value)
    moment = (stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=zone)).astimezone(UTC)
    return moment if moment.year > _EPOCH_YEAR else None
