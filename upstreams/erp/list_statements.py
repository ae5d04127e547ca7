"""The orders of lists, and the statements of lists.sql and erp.sql for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from upstreams.erp.contract import select_list
from upstreams.postgres.sql import last_parameter, moved, read_parts, read_statement

_LISTS: Final = "erp/lists.sql"
_ERP: Final = "erp/erp.sql"
_ERP_PARTS: Final = read_parts(_ERP)
_PARTS: Final = read_parts(_LISTS)
_WAYS: Final = ("", " DESC")
_COMPARISONS: Final = ("<", ">")
# A word of one client in a hundred fills a page of 50 within so many rows.
_WALK: Final = 5_000


@dataclass(frozen=True, slots=True)
class ListOrder:
    """An order by a column of the view, with nulls last, and then by the key. Without a column it is by the key alone.

    `text` is the part of lists.sql that writes the column's value into a cursor. `type` reads it again.
    """

    column: str = ""
    type: str = ""
    text: str = "no_key"
    one_currency: bool = False
    """Whether values compare only within one currency. The query then has exactly one."""
    descending: bool = False


BY_KEY: Final = ListOrder()
CLIENT_ORDERS: Final[Mapping[str, ListOrder]] = {
    "CLIENT_NUMBER": BY_KEY,
    "FULL_NAME": ListOrder("full_name", "text", "text"),
}
BY_TOTAL: Final = ListOrder("total", "numeric", "number")
"""The order of clients by their total balance, which is computed and no column of the view."""
ACCOUNT_ORDERS: Final[Mapping[str, ListOrder]] = {
    "SERVER_AND_LOGIN": BY_KEY,
    "BALANCE": ListOrder("balance", "numeric", "number", one_currency=True),
    "EQUITY": ListOrder("equity", "numeric", "number", one_currency=True),
    "SYNCED_AT": ListOrder("synced_at", "timestamptz", "instant"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What decides about the text of a statement. `optional` names the parts of optional conditions. `bounded` is for
    rows with times that the driver cannot decode.
    """

    order: ListOrder = BY_KEY
    backward: bool = False
    optional: tuple[str, ...] = ()
    bounded: bool = False


@lru_cache(maxsize=256)
def list_statement(name: str, variant: Variant) -> str:
    """A statement of lists.sql. The parameters of optional conditions come after all others."""
    return _with_conditions(_LISTS, name, parts_of_list(variant), variant.optional)


@lru_cache(maxsize=256)
def page_statement(rows: str, variant: Variant) -> str:
    """The statement for a page of `rows`, which are clients or accounts."""
    return read_statement(_LISTS, rows, **_parts_of_page(rows, variant), rows=_rows_of_page(rows, variant))


def order_of_page(rows: str, variant: Variant) -> str:
    """The order of the rows of a page."""
    return _parts_of_page(rows, variant)["order"]


def _rows_of_page(rows: str, variant: Variant) -> str:
    """The planner cannot know how many rows a search selects. A search therefore walks a part of the order. If this
    part does not fill the page, all found rows are read and sorted.
    """
    by_column, is_search = bool(variant.order.column), f"{rows}_search" in variant.optional
    names = [f"{rows}_with_value", f"{rows}_without_value"] if by_column else [f"{rows}_by_key"]
    ranges = [_range(rows, "found" if is_search else "in_range", variant, name) for name in names]
    found = _PARTS["either_range"].format(known=ranges[0], unknown=ranges[1]) if by_column else ranges[0]
    # From its end, a list in the order of a column begins with nulls, which are no part of the walk.
    if not is_search or (variant.backward and by_column):
        return found
    walked = _range(rows, "walked", variant, names[0])
    return _PARTS["first_or_found"].format(walked=walked, found=found, limit=_PARTS[f"limit_of_{rows}"])


def _range(rows: str, kind: str, variant: Variant, name: str) -> str:
    parts = _parts_of_page(rows, variant)
    own = parts | {"range": parts[name], "walk": str(_WALK)}
    return _with_conditions(_LISTS, f"{rows}_{kind}", own, variant.optional, kind)


def _parts_of_page(rows: str, variant: Variant) -> dict[str, str]:
    """The parts with the order of a range and of all rows."""
    parts = parts_of_list(variant)
    by = "column" if variant.order.column else "key"
    return parts | {"order_in_range": parts[f"{rows}_in_order_of_{by}"], "order": parts[f"{rows}_nulls_last_of_{by}"]}


@lru_cache(maxsize=256)
def erp_statement(name: str, optional: Sequence[str] = (), *, bounded: bool = False) -> str:
    """A statement of erp.sql with optional conditions."""
    return _with_conditions(_ERP, name, _ERP_PARTS | _columns(bounded=bounded), optional)


def _with_conditions(file: str, name: str, parts: Mapping[str, str], optional: Sequence[str], kind: str = "") -> str:
    """An optional condition may have a part of its own for a kind of statement."""
    statement, more = read_statement(file, name, **parts), dict(parts)
    for part in optional:
        text = _ERP_PARTS.get(f"{part}_{kind}", _ERP_PARTS[part]).format(words=_ERP_PARTS["searched_words"])
        more[f"matching_{part.partition('_')[0]}"] += f" AND {moved(text, last_parameter(statement))}"
        statement = read_statement(file, name, **more)
    return statement


def _columns(*, bounded: bool) -> dict[str, str]:
    return {
        "client_columns": select_list("client", "c"),
        "account_columns": select_list("trading_account", "a", bounded=bounded),
        "read": select_list("trading_account", "a"),
    }


def parts_of_list(variant: Variant) -> dict[str, str]:
    """The names in braces of a list's statement."""
    order = variant.order
    words = {
        "column": order.column,
        "type": order.type,
        "follows": _COMPARISONS[not order.descending],
        "precedes": _COMPARISONS[order.descending],
        "way": _WAYS[order.descending != variant.backward],
        "nulls_way": _WAYS[variant.backward],
    }
    ranges = {name: text.format(**words) for name, text in _PARTS.items() if name.startswith(("clients_", "accounts_"))}
    return {
        **_ERP_PARTS,
        **_columns(bounded=variant.bounded),
        **words,
        **ranges,
        "key": _PARTS[order.text].format(**words),
        "only": _PARTS["one_currency"] if order.one_currency else "",
        **{name: _PARTS[name] for name in ("total", "no_total", "value", "sums_of_clients", "account_figures")},
    }
