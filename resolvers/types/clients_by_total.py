"""Clients in the order of their total balance, and sums: as they are now for few clients, from a snapshot for many."""

from collections.abc import Awaitable, Callable
from typing import Final

from core.errors import ERP_DATABASE, Unavailable
from core.keyset import Page, PageRequest
from core.records import ClientRecord
from resolvers.context import Context
from resolvers.fields.connections import ConnectionRecord
from resolvers.fields.ids import CLIENTS_BY_TOTAL
from resolvers.fields.loaders import clients_by_number
from resolvers.policy.errors import BadUserInput
from upstreams.erp.list_statements import ListOrder
from upstreams.erp.lists import Sums
from upstreams.erp.reader import AccountQuery, ClientQuery
from upstreams.state.client_totals import Snapshot

_PLACE: Final = "orderBy TOTAL_FLOATING_BALANCE"


async def clients_by_total(
    query: ClientQuery, order: ListOrder, request: PageRequest, context: Context
) -> ConnectionRecord[ClientRecord]:
    """A page whose cursors name the snapshot, if it is of one. A page after such a cursor is of the same snapshot."""
    rebuild, visible = _rebuild_of(request), context.caller.visible
    lists, totals = context.services.upstreams.lists, context.services.upstreams.state.totals
    snapshot = None
    # A cursor without a snapshot is of an exact order, which goes on as such.
    if rebuild is not None or (request.after is request.before is None and totals.decides(query, visible)):
        snapshot = await _snapshot(query, order, request, rebuild, context)
    if rebuild is None and (snapshot is None or snapshot.of_index <= lists.exact_max):
        if exact := await lists.clients_by_total(query, order, request, visible, context.call):
            page, values = exact

            def cursor_of(client: ClientRecord) -> str:
                return CLIENTS_BY_TOTAL.encode(values[client.client_number], None, client.client_number)

            return ConnectionRecord(page, request, cursor_of, None, query)
        totals.is_needed = True
        snapshot = snapshot or await _snapshot(query, order, request, rebuild, context)
    if snapshot is None:
        raise no_snapshot()
    return await _page_of(snapshot, query, request, context)


async def _snapshot(
    query: ClientQuery, order: ListOrder, request: PageRequest, rebuild: int | None, context: Context
) -> Snapshot | None:
    if query.optional:
        raise BadUserInput(f"{_PLACE} over so many clients cannot be joined with search, phone or times of creation.")
    totals, visible = context.services.upstreams.state.totals, context.caller.visible
    found = await totals.page(query, order, request, rebuild, visible, context.call)
    if found is None and rebuild is not None:
        raise BadUserInput("The snapshot of this cursor is no longer kept; begin with the first page.")
    return found


async def sums_of(
    query: ClientQuery | AccountQuery,
    direct: Callable[[], Awaitable[Sums | None]],
    of_snapshot: Callable[[], Awaitable[Sums | None]],
    refusal: str,
    context: Context,
) -> Sums:
    """The sums as they are now, or those of the snapshot if the query selects many. `direct` has None for many. A query
    of many whose conditions the snapshot lacks is refused.
    """
    upstreams, visible = context.services.upstreams, context.caller.visible
    found = await of_snapshot() if upstreams.state.totals.decides(query, visible) else None
    if found is not None and found.of_index > upstreams.lists.exact_max:
        return found
    if now := await direct():
        return now
    if not query.is_in_snapshot:
        raise BadUserInput(refusal)
    upstreams.state.totals.is_needed = True
    found = found or await of_snapshot()
    if found is None:
        raise no_snapshot()
    return found


def no_snapshot() -> Unavailable:
    message = "The snapshot of total balances is not made yet. Try again in a minute, or select fewer rows."
    return Unavailable(message, system=ERP_DATABASE, name=str(ERP_DATABASE), retry_after_seconds=60.0)


async def _page_of(
    snapshot: Snapshot, query: ClientQuery, request: PageRequest, context: Context
) -> ConnectionRecord[ClientRecord]:
    """The page with the clients as the ERP has them now. A client that is gone since the rebuild is left out."""
    rows = snapshot.page.rows
    answers = await context.load_many(clients_by_number, [row.client_number for row in rows])
    if error := next((answer for answer in answers if isinstance(answer, BaseException)), None):
        raise error
    cursors = {
        row.client_number: CLIENTS_BY_TOTAL.encode(row.total, snapshot.rebuild, row.client_number) for row in rows
    }
    page = Page([client for client in answers if client is not None], snapshot.page.has_more)
    ends = (cursors[rows[0].client_number], cursors[rows[-1].client_number]) if rows else None
    return ConnectionRecord(
        page, request, lambda client: cursors[client.client_number], None, query, snapshot.as_of, ends
    )


def _rebuild_of(request: PageRequest) -> int | None:
    """The snapshot that the cursors name; None for cursors of pages at current rates."""
    rebuilds = {end[1] for end in (request.after, request.before) if end is not None}
    if len(rebuilds) > 1:
        raise BadUserInput("after and before must be cursors of the same snapshot.")
    rebuild: int | None = next(iter(rebuilds), None)
    return rebuild
