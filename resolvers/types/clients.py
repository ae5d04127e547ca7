"""`clients`: a page of all clients that the caller may see."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final

import strawberry
from strawberry import UNSET

from core.keyset import PageRequest
from core.records import ClientRecord
from resolvers.context import Context, GraphLimits, Info
from resolvers.fields.connections import ConnectionRecord, all_of, connection_of, given
from resolvers.fields.ids import CLIENTS, CLIENTS_BY_NAME, CLIENTS_BY_TOTAL, Cursor
from resolvers.policy.directives import ERP_STATEMENT, STATE_STATEMENT, Upstream
from resolvers.policy.enums import ClientOrderField, ErpStatusCode, OrderDirection, WebStatusCode
from resolvers.policy.scopes import Scope
from resolvers.types.client import FIGURES, Client
from resolvers.types.clients_by_total import clients_by_total
from resolvers.types.optional_conditions import check_columns, phone_begins, searched
from resolvers.types.trading_accounts import codes
from upstreams.erp.list_statements import BY_TOTAL, CLIENT_ORDERS, ListOrder
from upstreams.erp.lists import Values
from upstreams.erp.reader import ClientQuery, Condition


@strawberry.input(description="Which clients to list; conditions are joined by AND.")
class ClientFilter:
    client_numbers: list[int] | None = strawberry.field(default=UNSET, description="Any of these numbers.")
    web_status: list[WebStatusCode] | None = strawberry.field(
        default=UNSET, description="In any of these web statuses."
    )
    erp_status: list[ErpStatusCode] | None = strawberry.field(
        default=UNSET, description="In any of these ERP statuses."
    )
    agency: list[int] | None = strawberry.field(default=UNSET, description="Of any of these agencies.")
    search: str | None = strawberry.field(
        default=UNSET,
        description="A client number, the login of an account, or the beginnings of words of the name, of the e-mail "
        "or of the phone number. All words must be found.",
    )
    phone: str | None = strawberry.field(
        default=UNSET, description="With a phone number that begins with these digits, with the country code."
    )
    created_from: datetime | None = strawberry.field(default=UNSET, description="Created at this time or later.")
    created_to: datetime | None = strawberry.field(default=UNSET, description="Created before this time.")


async def client_totals(
    connections: Sequence[ConnectionRecord[ClientRecord]], context: Context
) -> list[int | BaseException]:
    lists, visible = context.services.upstreams.lists, context.caller.visible
    return [await lists.count_clients(connection.query, visible, context.call) for connection in connections]


ClientConnection: Any = connection_of(
    Client, "clients", CLIENTS, client_totals, upstream=ERP_STATEMENT, scope=Scope.CLIENT_READ, dated=True
)


def client_query(asked: ClientFilter | None) -> ClientQuery:
    if not asked:
        return ClientQuery()
    return ClientQuery(
        numbers=all_of(asked.client_numbers),
        web_statuses=codes(given(asked.web_status), WebStatusCode.UNRECOGNISED),
        erp_statuses=codes(given(asked.erp_status), ErpStatusCode.UNRECOGNISED),
        agencies=all_of(asked.agency),
        optional=tuple(_optional(asked)),
    )


def _optional(asked: ClientFilter) -> Iterator[Condition]:
    yield from searched("clients", asked.search)
    if given(asked.phone) is not None:
        yield phone_begins(asked.phone or "")
    created = (given(asked.created_from), given(asked.created_to))
    if created != (None, None):
        yield Condition("clients_created", "created_at", created)


@strawberry.input(description="The order of a list of clients.")
class ClientOrder:
    field: ClientOrderField = strawberry.field(description="What the list is sorted by.")
    direction: OrderDirection = strawberry.field(description="The direction of the order.")


_DEFAULT: Final = ClientOrder(field=ClientOrderField.CLIENT_NUMBER, direction=OrderDirection.ASC)
_CURSORS: Final = {
    ClientOrderField.CLIENT_NUMBER: CLIENTS,
    ClientOrderField.FULL_NAME: CLIENTS_BY_NAME,
    ClientOrderField.TOTAL_FLOATING_BALANCE: CLIENTS_BY_TOTAL,
}


def client_cursors(arguments: Mapping[str, Any]) -> Cursor:
    """The cursors of the order that these arguments name."""
    return _CURSORS[(given(arguments.get("order_by")) or _DEFAULT).field]


async def client_list(
    asked: ClientFilter | None, order_by: ClientOrder | None, context: Context
) -> tuple[ClientQuery, ListOrder, Cursor]:
    """What these arguments ask for, with the cursors of the order. Raises BadUserInput."""
    query, wanted = client_query(asked), given(order_by) or _DEFAULT
    await check_columns(query, context)
    order = CLIENT_ORDERS.get(wanted.field.value, BY_TOTAL)
    return query, replace(order, descending=wanted.direction is OrderDirection.DESC), _CURSORS[wanted.field]


async def clients(
    info: Info,
    request: PageRequest,
    filter: Annotated[ClientFilter | None, strawberry.argument(description="Conditions for the list.")] = UNSET,  # noqa: A002 - the graph's name.
    order_by: Annotated[ClientOrder | None, strawberry.argument(description="The order of the list.")] = UNSET,
) -> ConnectionRecord[ClientRecord]:
    context, visible = info.context, info.context.caller.visible
    query, order, cursors = await client_list(filter, order_by, context)
    if order.column == BY_TOTAL.column:
        context.caller.require("orderBy TOTAL_FLOATING_BALANCE", FIGURES)
        return await clients_by_total(query, order, request, context)
    page, values = await context.services.upstreams.lists.clients(query, order, request, visible, context.call)
    cursor_of = partial(_cursor_of, values, cursors) if order.column else cursors.of
    return ConnectionRecord(page, request, cursor_of, None, query)


def _cursor_of(values: Values, cursors: Cursor, client: ClientRecord) -> str:
    return cursors.encode(values[client.client_number], client.client_number)


def snapshot_reads(arguments: Mapping[str, Any], limits: GraphLimits) -> list[tuple[Upstream, int]]:
    """The statements of a page that is sorted by a snapshot, beyond the first, with the number of their keys."""
    if (arguments.get("orderBy") or {}).get("field") is not ClientOrderField.TOTAL_FLOATING_BALANCE:
        return []
    return [
        (STATE_STATEMENT, 1),
        (ERP_STATEMENT, arguments.get("first") or arguments.get("last") or limits.page_default),
    ]
