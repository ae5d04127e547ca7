"""Vendors' JSON: typed and exact, in all forms that the vendors' own documents use for a value."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from core.money import format_amount

T = TypeVar("T")

# A larger exponent is not an amount. 1e400 is valid JSON, and printing it without an exponent could exhaust memory.
LARGEST_EXPONENT = 30

Whole = int | str | None
"""A code in a form that vendors use: 7, "7", "007"."""

Flag = bool | int | str | None
"""A boolean in a form that vendors use: true, 1, "1", "true"."""

# A double holds 15 decimal digits. What follows them is how the vendor prints a double.
_ROUNDED = Context(prec=15)
_as_double: Callable[[Any], Decimal] = Context(
    prec=15, Emax=LARGEST_EXPONENT, Emin=-LARGEST_EXPONENT, traps=[Inexact, InvalidOperation, Overflow]
).plus

_number = msgspec.json.Decoder(Decimal)
_NOTHING = frozenset({b"null", b'""'})
_SHORT = 5
_EPOCH_YEAR = 1970


class Nonsense(ValueError):
    """The JSON is well-formed, but its content cannot be used."""


def decode(body: bytes, kind: type[T]) -> T:
    """Decode into a typed struct. Decimal fields keep every digit."""
    return msgspec.json.decode(body, type=kind)


def encode(body: object) -> bytes:
    """A request's body. The amounts of an object are JSON numbers with exactly their digits.

    They never have an exponent: 0.00000001, not 1E-8. Amounts that a vendor takes as texts are `format_amount`'s.
    """
    if isinstance(body, Mapping):
        body = {name: _number_of(one) if isinstance(one, Decimal) else one for name, one in body.items()}
    return msgspec.json.encode(body)


def _number_of(amount: Decimal) -> msgspec.Raw:
    return msgspec.Raw(format_amount(amount).encode())


def read_money(value: Decimal | None) -> Decimal | None:
    """The amount. Raises Nonsense for NaN, Infinity and 1e400."""
    if value is None:
        return None
    if not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT:
        raise Nonsense("not an amount")
    return value


def read_double(value: Decimal | None) -> Decimal | None:
    """The amount of a vendor that keeps doubles, with 15 significant digits: 100.09999999999999 is 100.1."""
    return None if value is None else read_required_double(value)


def read_required_double(value: Decimal | None) -> Decimal:
    try:
        exact = _as_double(value)
    except Inexact:
        # Overflow is Inexact, too, and `read_money` refuses the value.
        return _ROUNDED.plus(read_required_money(value)).normalize(_ROUNDED)
    except TypeError:
        raise Nonsense("an amount is missing") from None
    if exact.is_finite():
        return exact
    raise Nonsense("not an amount")


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


def read_local_stamp(value: str | None, zone: ZoneInfo, *, strict: bool = False) -> datetime | None:
    """A vendor's time as UTC. A time without an offset is local time of the server, in `zone`.

    The beginning of the epoch is None, because MetaTrader means "never" by it. A text that is no time is None as well,
    and raises Nonsense where the reader is `strict`.
    """
    if not value:
        return None
    try:
        stamp = datetime.fromisoformat(value)
        moment = (stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        if strict:
            raise Nonsense("not a time") from None
        return None
    return moment if moment.year > _EPOCH_YEAR else None
