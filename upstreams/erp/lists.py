"""Lists of all rows that a caller may see, in a chosen order (lists.sql).

Each order ends with the key of the row, so that no two rows have the same place. A cursor has the values by which its
row was sorted. Pages therefore go on at the right place, even if the row has changed or is gone.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from msgspec.structs import replace

from core.call import Call, Tally
from core.keyset import Page, PageRequest, cut_page
from core.records import AccountKey, AccountRecord, ClientRecord
from core.visibility import Visibility
from upstreams.erp.contract import OPTIONAL
from upstreams.erp.list_statements import ListOrder, Variant, erp_statement, list_statement, page_statement
from upstreams.erp.reader import AccountQuery, ClientQuery, optional_values, parts_of, sql
from upstreams.erp.rows import read_records
from upstreams.postgres.database import Database

Values = Mapping[Any, str | None]
"""The text of the sorted column, by the client's number or the account's key; None in an order by the key alone."""


class Sums(NamedTuple):
    """Rows of `client_sums` or `account_sums`. `as_of` is None for sums of the present.

    `of_index` is of a snapshot: how many rows the ERP would read for the query. The statuses of clients have no index,
    nor have the platforms, statuses and groups of accounts, so that these conditions make no difference to it.
    """

    as_of: datetime | None
    rows: Sequence[Any]
    of_index: int = 0


class Lists:
    """Raises Unavailable or Misunderstood. Each method sends one statement. In an order by a column, the key of a
    cursor begins with the text of this column.
    """

    def __init__(self, database: Database, exact_max: int) -> None:
        self._database = database
        self.exact_max = exact_max
        self._columns: set[str] = set()

    async def lacked_column(self, query: ClientQuery | AccountQuery, call: Call) -> str | None:
        """A column that the query needs and that the view `client` lacks. A found column is not looked for again."""
        wanted = {one.column for one in query.optional} - self._columns
        if wanted:
            columns = OPTIONAL["client"]
            types = [type_ for allowed in columns.values() for type_ in allowed]
            own = replace(call, tally=Tally())  # The call plan counts only statements over rows.
            rows = await self._database.read(sql.optional_columns, "client", list(columns), types, call=own)
            self._columns = {row["column"] for row in rows}
        return min(wanted - self._columns, default=None)

    async def clients(
        self, query: ClientQuery, order: ListOrder, page: PageRequest, visible: Visibility, call: Call
    ) -> tuple[Page[ClientRecord], Values]:
        variant = Variant(order=order, backward=page.backward, optional=parts_of(query))
        bounds = bounds_of(page, order, keys=1)
        rows = await self._read(page_statement("clients", variant), query, bounds, visible, call)
        records = read_records(ClientRecord, [tuple(row)[1:] for row in rows])
        return cut_page(records, page), {row["client_number"]: row[0] for row in rows}

    async def clients_by_total(
        self, query: ClientQuery, order: ListOrder, page: PageRequest, visible: Visibility, call: Call
    ) -> tuple[Page[ClientRecord], Values] | None:
        """A page of clients by their totals at current rates; None if the query selects more than `exact_max`."""
        variant = Variant(order=order, backward=page.backward, optional=parts_of(query))
        bounds = [*bounds_of(page, order, keys=1), self.exact_max]
        first, *rows = await self._read(list_statement("clients_by_total", variant), query, bounds, visible, call)
        if first["too_many"]:
            return None
        rows = [row for row in (first, *rows) if row["client_number"] is not None]
        records = read_records(ClientRecord, [tuple(row)[2:] for row in rows])
        return cut_page(records, page), {row["client_number"]: row["cursor_key"] for row in rows}

    async def client_sums(self, query: ClientQuery, visible: Visibility, call: Call, *, figures: bool) -> Sums | None:
        """Counts and, with `figures`, sums; None if the query selects more than `exact_max` clients."""
        statement = list_statement("client_sums", Variant(optional=parts_of(query)))
        return _sums(await self._read(statement, query, (self._most(visible), figures), visible, call))

    async def account_sums(self, query: AccountQuery, visible: Visibility, call: Call) -> Sums | None:
        """None if the query selects more than `exact_max` accounts."""
        statement = list_statement("account_sums", Variant(optional=parts_of(query)))
        return _sums(await self._read(statement, query, (self._most(visible),), visible, call))

    def _most(self, visible: Visibility) -> int | None:
        # The snapshot has no sums of one client.
        return self.exact_max if visible.client_number is None else None

    async def needs_snapshot(self, call: Call) -> bool:
        """Whether a query can select more than `exact_max` clients or accounts."""
        statement = list_statement("more_rows", Variant())
        return bool((await self._database.read(statement, self.exact_max, call=call))[0]["more"])

    async def send_totals(self, rebuild: int, send: Callable[[bytes], Awaitable[None]], seconds: float) -> None:
        """Send the rows of a snapshot of all totals, in PostgreSQL's binary form."""
        await self._send("all_totals", rebuild, send, seconds)

    async def send_account_sums(self, rebuild: int, send: Callable[[bytes], Awaitable[None]], seconds: float) -> None:
        """Send the sums of all accounts in the same form."""
        await self._send("all_account_sums", rebuild, send, seconds)

    async def _send(self, name: str, rebuild: int, send: Callable[[bytes], Awaitable[None]], seconds: float) -> None:
        statement = list_statement(name, Variant())

        async def copy(connection: Any) -> None:
            await connection.copy_from_query(statement, rebuild, output=send, format="binary", timeout=seconds)

        await self._database.transact(copy, seconds=seconds)

    async def accounts(
        self, query: AccountQuery, order: ListOrder, page: PageRequest, visible: Visibility, call: Call
    ) -> tuple[Page[AccountRecord], Values]:
        variants = (
            Variant(order=order, backward=page.backward, optional=parts_of(query), bounded=one) for one in (False, True)
        )
        statement, bounded = (page_statement("accounts", one) for one in variants)
        rows = await self._read(statement, query, bounds_of(page, order, keys=2), visible, call, bounded)
        records = read_records(AccountRecord, [tuple(row)[1:] for row in rows])
        return cut_page(records, page), {AccountKey(row["server"], row["login"]): row[0] for row in rows}

    async def count_clients(self, query: ClientQuery, visible: Visibility, call: Call) -> int:
        statement = erp_statement("count_clients", parts_of(query))
        return int((await self._read(statement, query, (), visible, call))[0]["total"])

    async def count_accounts(self, query: AccountQuery, visible: Visibility, call: Call) -> int:
        statement = list_statement("count_all_accounts", Variant(optional=parts_of(query)))
        return int((await self._read(statement, query, (), visible, call))[0]["total"])

    async def _read(  # noqa: PLR0913, PLR0917 - what a statement needs.
        self,
        statement: str,
        query: ClientQuery | AccountQuery,
        bounds: Sequence[Any],
        visible: Visibility,
        call: Call,
        otherwise: str | None = None,
    ) -> list[asyncpg.Record]:
        values = (*visible.of_clients(), *query.parameters(), *bounds, *optional_values(query))
        return await self._database.read(statement, *values, call=call, otherwise=otherwise)


def _sums(rows: Sequence[Any]) -> Sums | None:
    return None if rows[0]["too_many"] else Sums(None, rows)


def bounds_of(page: PageRequest, order: ListOrder, keys: int) -> list[Any]:
    """The keys of the rows that bound the page, the number of rows to read, and the sorted column's values in the
    bounding rows.
    """
    ends = [end or (None,) * (keys + 1) for end in (page.after, page.before)]
    values = [end[0] for end in ends] if order.column else []
    return [*(part for end in ends for part in end[-keys:]), page.limit + 1, *values]
