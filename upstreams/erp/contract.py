"""The contract of the views in schema brokergraph_erp, as docs/erp-views.md shows it to operators.

The records of core/records.py are rows of these views, so their fields are the columns, in this order. The statements,
`brokergraph check` and the tests of the document and of the sandbox all read the contract here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, get_args

import msgspec

from core.records import AccountRecord, BalanceRecord, ClientRecord, WebStatusRecord
from upstreams.postgres.sql import read_parts

_SQL_TYPES: Final[Mapping[type, Sequence[str]]] = {
    int: ("integer", "smallint"),
    str: ("text", "character varying"),
    bool: ("boolean",),
    Decimal: ("numeric",),
    datetime: ("timestamp with time zone",),
}
_BOUNDED: Final = read_parts("erp/erp.sql")["bounded_instant"]
Columns = Mapping[str, Sequence[str]]
"""The allowed types of each column, the documented type first."""


def _columns(types: Mapping[str, type]) -> Columns:
    return {name: _SQL_TYPES[type_] for name, type_ in types.items()}


def _of_record(record: type[msgspec.Struct], *elsewhere: str) -> Columns:
    """The record's fields, except fields of another view."""
    known = {one.name: (get_args(one.type) or (one.type,))[0] for one in msgspec.structs.fields(record)}
    return _columns({name: type_ for name, type_ in known.items() if name not in elsewhere})


VIEWS: Final[Mapping[str, Columns]] = {
    "client": _of_record(ClientRecord),
    "web_status": _of_record(WebStatusRecord),
    "api_password": _columns({"client_number": int, "api_password": str}),
    "trading_account": _of_record(AccountRecord),
    "currency_balance": _of_record(BalanceRecord, "accounting_currency"),
    "accounting_currency": _columns({"currency": str}),
}
OPTIONAL: Final[Mapping[str, Columns]] = {
    "client": {**_columns({"phone": str, "created_at": datetime}), "search": ("tsvector",)},
}
"""Columns that a view may lack. Without a column, only the filters that read this column are refused."""


def select_list(view: str, alias: str, *, bounded: bool = False) -> str:
    """All columns of the view, as a statement selects them. `bounded` makes infinity of times that Python lacks."""
    columns = (
        _BOUNDED.format(name=f"{alias}.{column}", column=column)
        if bounded and types == _SQL_TYPES[datetime]
        else f"{alias}.{column}"
        for column, types in VIEWS[view].items()
    )
    return ", ".join(columns)
