"""The snapshot of all clients' total balances, from which a long list is sorted by the total. It also has the sums for
summaries of many clients and accounts.

The total is revalued at the current rates by each statement, so that no index can have it. One process rebuilds the
snapshot under a lease. A rebuild is one transaction: the database of the ERP makes the rows, and their bytes go to the
state database as they are. A cursor names its rebuild. The last two rebuilds are kept.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from core.call import Call
from core.keyset import Page, PageRequest, cut_page
from core.visibility import Visibility
from upstreams.erp.list_statements import ListOrder, Variant, parts_of_list
from upstreams.erp.lists import Sums, bounds_of
from upstreams.erp.reader import AccountQuery, ClientQuery
from upstreams.postgres.database import Database
from upstreams.postgres.sql import read_parts, read_statement, read_statements

_FILE: Final = "state/client_totals.sql"
_VISIBLE: Final = parts_of_list(Variant())["visible"]
_OF_INDEX: Final = {
    name: text.format(visible=_VISIBLE) for name, text in read_parts(_FILE).items() if name.endswith("_of_index")
}
_sql = read_statements(_FILE, **parts_of_list(Variant()), **_OF_INDEX)
_COLUMNS: Final = ("rebuild", "client_number", "agency", "erp_status", "web_status", "total", "sums")
_FIGURES: Final = ("accounts", "balance", "equity", "margin")
_ACCOUNT_COLUMNS: Final = ("rebuild", "agency", "server", "platform", "status", "group_name", "currency", *_FIGURES)
_CHUNKS: Final = 8
_WRITE_SECONDS: Final = 5.0

Send = Callable[[bytes], Awaitable[None]]
Read = Callable[[int, Send], Awaitable[None]]
"""Reads the rows of a rebuild with this number, and sends them in PostgreSQL's binary form."""


class TotalRow(NamedTuple):
    client_number: int
    total: str | None


class Snapshot(NamedTuple):
    """A page of one rebuild. `of_index` is as in Sums."""

    rebuild: int
    as_of: datetime
    page: Page[TotalRow]
    of_index: int


class ClientTotals:
    """Raises UpstreamError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Whether the ERP has more rows than lists and sums read at once. The rebuild in the background finds out.
        self.is_needed = False

    def decides(self, query: ClientQuery | AccountQuery, visible: Visibility) -> bool:
        """Whether the snapshot is asked before the ERP, because it has sums for all conditions."""
        return self.is_needed and visible.client_number is None and query.is_in_snapshot

    async def page(  # noqa: PLR0913, PLR0917 - what a page is made of.
        self,
        query: ClientQuery,
        order: ListOrder,
        request: PageRequest,
        rebuild: int | None,
        visible: Visibility,
        call: Call,
    ) -> Snapshot | None:
        """A page of the rebuild, or of the newest one; None if it does not exist."""
        rows = await self._database.read(
            _page(Variant(order=order, backward=request.backward)),
            *(*visible.of_clients(), *query.parameters(), *bounds_of(request, order, keys=1), rebuild),
            call=call,
            # A replica may lack the rebuild that a cursor names.
            current=rebuild is not None,
        )
        if not rows:
            return None
        totals = [TotalRow(row["client_number"], row["cursor_key"]) for row in rows if row["client_number"] is not None]
        first = rows[0]
        return Snapshot(first["rebuild"], first["as_of"], cut_page(totals, request), first["of_index"])

    async def client_sums(self, query: ClientQuery, visible: Visibility, call: Call) -> Sums | None:
        """Counts and sums of the newest rebuild; None without a rebuild."""
        return await self._sums(_sql.client_sums, query, visible, call)

    async def account_sums(self, query: AccountQuery, visible: Visibility, call: Call) -> Sums | None:
        """Sums of the newest rebuild; None without a rebuild."""
        return await self._sums(_sql.account_sums, query, visible, call)

    async def _sums(
        self, statement: str, query: ClientQuery | AccountQuery, visible: Visibility, call: Call
    ) -> Sums | None:
        rows = await self._database.read(statement, *visible.of_clients(), *query.parameters(), call=call)
        return Sums(rows[0]["as_of"], rows, rows[0]["of_index"]) if rows else None

    async def take_lease(self, seconds: float) -> bool:
        """Whether this process may rebuild the snapshot. No other process may do so in these seconds."""
        return bool(await self._database.write(_sql.take_lease, timedelta(seconds=seconds), seconds=_WRITE_SECONDS))

    async def rebuild(self, read: Read, read_accounts: Read, seconds: float) -> int:
        """Make a rebuild of the totals and of the accounts' sums that the two send. Returns its number."""

        async def write(connection: Any) -> int:
            number: int = await connection.fetchval(_sql.begin)
            for table, columns, source in (
                ("client_total", _COLUMNS, read),
                ("account_sum", _ACCOUNT_COLUMNS, read_accounts),
            ):
                async with _sent(source, number) as rows:
                    await connection.copy_to_table(
                        table, schema_name="brokergraph", columns=columns, format="binary", source=rows, timeout=seconds
                    )
            await connection.execute(_sql.sum_clients, number, timeout=seconds)
            await connection.execute(_sql.forget, number)
            return number

        return await self._database.transact(write, seconds=seconds)


@asynccontextmanager
async def _sent(read: Read, number: int) -> AsyncIterator[AsyncIterator[bytes]]:
    """The bytes that `read` sends, a few chunks ahead. An error of `read` is raised after the last chunk. The read has
    ended when the block ends, so that its connection is free.
    """
    queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(_CHUNKS)

    async def run() -> None:
        try:
            await read(number, queue.put)
        except Exception as error:  # noqa: BLE001 - it is raised where the bytes are read.
            await queue.put(error)
        else:
            await queue.put(None)

    async def chunks() -> AsyncIterator[bytes]:
        while (chunk := await queue.get()) is not None:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    task = asyncio.create_task(run())
    try:
        yield chunks()
    finally:
        task.cancel()
        await asyncio.wait([task])


@lru_cache(maxsize=8)
def _page(variant: Variant) -> str:
    return read_statement(_FILE, "page", **read_parts(_FILE) | parts_of_list(variant) | _OF_INDEX)
