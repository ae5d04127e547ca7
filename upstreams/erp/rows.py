"""Rows of the ERP's views as records. A value that the contract excludes costs that value, and nothing beside it.

Excluded are null where the view promises a value, NaN and Infinity, and times that Python lacks. Such a value becomes
an attribute that raises Misunderstood when it is read. Whole columns are checked: this costs less than a check of rows.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from types import NoneType
from typing import Any, Final, TypeVar, get_args

import msgspec
import structlog

from core.errors import ERP_DATABASE, Misunderstood
from core.records import AccountRecord, BalanceRecord, ClientRecord, WebStatusRecord

R = TypeVar("R", bound=msgspec.Struct)
_log = structlog.get_logger(__name__)

_VIEWS: Final[Mapping[type, str]] = {
    ClientRecord: "client",
    WebStatusRecord: "web_status",
    AccountRecord: "trading_account",
    BalanceRecord: "currency_balance",
}
# A platform or a status of null is one that this version does not know, and an identity of null is not locked.
_NULL_IS_KNOWN: Final = frozenset({"platform", "status", "identity_locked"})
# Null stays null in these, because only the raw number of the code needs a value.
_CODES: Final = frozenset({"erp_status", "web_status"})
_ZONE: Final = attrgetter("tzinfo")


def bad_value(view: str, column: str) -> Misunderstood:
    """The error of one value. `detail` names the column."""
    message = "The ERP's database has a value here that cannot be read."
    return Misunderstood(message, system=ERP_DATABASE, name=str(ERP_DATABASE), detail=f"{view}.{column}")


def bad_sum(view: str, column: str) -> Misunderstood:
    """The error of a sum, or of a group of rows, with such a value. It is also in the log."""
    _log.error("erp.bad_value", view=view, column=column)
    return bad_value(view, column)


def read_records(record: type[R], rows: Sequence[Any]) -> list[R]:
    """The rows as records, in their order."""
    columns = list(zip(*rows, strict=True))
    if not all(map(_is_good, columns, _checks(record))):
        _report(record, rows)
        return [_record_with_errors(record, row) for row in rows]
    return list(map(record, *columns)) if columns else []


Check = Callable[[Sequence[Any]], bool]


def _is_good(column: Sequence[Any], check: Check | None) -> bool:
    return check is None or check(column)


def _has_no_null(column: Sequence[Any]) -> bool:
    return NoneType not in set(map(type, column))


def _is_finite(column: Sequence[Any]) -> bool:
    # Zero is left out together with null.
    return all(map(Decimal.is_finite, filter(None, column)))


def _is_finite_and_not_null(column: Sequence[Any]) -> bool:
    return _has_no_null(column) and all(map(Decimal.is_finite, column))


def _is_in_time(column: Sequence[Any]) -> bool:
    # The driver makes times without a zone of infinity and -infinity.
    return None not in set(map(_ZONE, filter(None, column)))


@lru_cache
def _checks(record: type[msgspec.Struct]) -> Sequence[Check | None]:
    """The check of each column."""
    return tuple(map(_check_of, msgspec.structs.fields(record)))


def _check_of(field: msgspec.structs.FieldInfo) -> Check | None:
    kinds = get_args(field.type) or (field.type,)
    required = NoneType not in kinds and field.name not in _NULL_IS_KNOWN
    if Decimal in kinds:
        return _is_finite_and_not_null if required else _is_finite
    if datetime in kinds:
        return _is_in_time
    return _has_no_null if required else None


def _report(record: type[msgspec.Struct], rows: Sequence[Any]) -> None:
    """Write a line in the log for each column with bad values."""
    columns = zip(*rows, strict=True)
    for field, column, check in zip(msgspec.structs.fields(record), columns, _checks(record), strict=True):
        count = sum(not _is_good([one], check) for one in column)
        if count:
            _log.error("erp.bad_value", view=_VIEWS[record], column=field.name, rows=count)


def _record_with_errors(record: type[R], row: Sequence[Any]) -> R:
    names = (field.name for field in msgspec.structs.fields(record))
    bad = {name for name, one, check in zip(names, row, _checks(record), strict=True) if not _is_good([one], check)}
    return _record_with_errors_type(record, frozenset(bad - _CODES))(*row)  # type: ignore[return-value]


@lru_cache(maxsize=256)
def _record_with_errors_type(record: type[msgspec.Struct], bad: frozenset[str]) -> type[msgspec.Struct]:
    """The record's type, with attributes of these names that raise the error of their value."""
    attributes = {name: property(_raise(_VIEWS[record], name)) for name in bad}
    return msgspec.defstruct(record.__name__, [], bases=(record,), namespace=attributes, frozen=True, gc=False)


def _raise(view: str, column: str) -> Callable[[Any], Any]:
    def read(_record: Any) -> Any:
        raise bad_value(view, column)

    return read
