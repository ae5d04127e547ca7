"""Lists of all rows that a caller may see, in a chosen order (lists.sql).

Each order ends with the key of the row, so that no two rows have the same place. A cursor has the values by which its
row was sorted. Pages therefore go on at the right place, even if the row has changed or is gone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final

from core.call import Call
from core.keyset import Page, PageRequest, cut_page
from core.records import AccountKey, AccountRecord
from core.visibility import Visibility
from upstreams.erp.contract import selected
from upstreams.erp.reader import AccountQuery
from upstreams.erp.rows import read_records
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_parts, read_statements

_ERP: Final = read_parts("erp/erp.sql")
_PARTS: Final = read_parts("erp/lists.sql")
_WAYS: Final = ("", " DESC")
_COMPARISONS: Final = ("<", ">")


@dataclass(frozen=True, slots=True)
class ListOrder:
    """An order by a column of the view, with nulls last, and then by the key. Without a column it is by the key alone.

    `text` is the part of lists.sql that writes the column's value into a cursor. `type` reads it again.
    """

    column: str = ""
    type: str = ""
    text: str = ""
    one_currency: bool = False
    """Whether values compare only within one currency. The query then has exactly one."""
    descending: bool = False


ACCOUNT_ORDERS: Final[Mapping[str, ListOrder]] = {
    "SERVER_AND_LOGIN": ListOrder(),
    "BALANCE": ListOrder("balance", "numeric", "number", one_currency=True),
    "EQUITY": ListOrder("equity", "numeric", "number", one_currency=True),
    "SYNCED_AT": ListOrder("synced_at", "timestamptz", "instant"),
}
ByKey = Mapping[AccountKey, str | None]
"""The text of the sorted column for each row of a page."""


class Lists:
    """Raises Unavailable or Misunderstood. Each method sends one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def accounts(
        self, query: AccountQuery, order: ListOrder, page: PageRequest, visible: Visibility, call: Call
    ) -> tuple[Page[AccountRecord], ByKey]:
        """A page of accounts. A cursor's key begins with the text of the sorted column, if the order has one."""
        sql, bounded = (_statements(order, page.backward, bounded) for bounded in (False, True))
        name = "accounts_by_column" if order.column else "accounts"
        bounds, values = _bounds(page, order, ties=2)
        rows = await self._database.read(
            getattr(sql, name),
            *(*visible.of_clients(), *query.parameters(), *bounds, page.limit + 1, *values),
            call=call,
            otherwise=getattr(bounded, name),
        )
        if not order.column:
            return cut_page(read_records(AccountRecord, rows), page), {}
        records = read_records(AccountRecord, [tuple(row)[1:] for row in rows])
        return cut_page(records, page), {record.key: row[0] for record, row in zip(records, rows, strict=True)}

    async def count_accounts(self, query: AccountQuery, visible: Visibility, call: Call) -> int:
        sql = _statements(ListOrder(), backward=False, bounded=False)
        rows = await self._database.read(sql.count_accounts, *visible.of_clients(), *query.parameters(), call=call)
        return int(rows[0]["total"])


def _bounds(page: PageRequest, order: ListOrder, ties: int) -> tuple[Sequence[Any], Sequence[Any]]:
    """The keys of rows that bound the page, and the values of the sorted column in them."""
    ends = [end or (None,) * (ties + 1) for end in (page.after, page.before)]
    return [part for end in ends for part in end[-ties:]], [end[0] for end in ends] if order.column else []


@lru_cache(maxsize=64)
def _statements(order: ListOrder, backward: bool, bounded: bool) -> SimpleNamespace:  # noqa: FBT001 - keys of a cache.
    words = {
        "column": order.column,
        "type": order.type,
        "follows": _COMPARISONS[not order.descending],
        "precedes": _COMPARISONS[order.descending],
    }
    return read_statements(
        "erp/lists.sql",
        **words,
        **{name: _PARTS[name].format(**words) for name in ("known_values", "nulls")},
        account_columns=selected("trading_account", "a", bounded=bounded),
        read=selected("trading_account", "a"),
        visible=_ERP["visible"],
        matching_accounts=_ERP["matching_accounts"],
        key=_PARTS[order.text].format(**words) if order.text else "",
        only=_PARTS["one_currency"] if order.one_currency else "",
        way=_WAYS[order.descending != backward],
        nulls_way=_WAYS[backward],
    )
