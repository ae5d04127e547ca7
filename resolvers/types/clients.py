"""`clients`: a page of all clients that the caller may see."""

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from core.keyset import PageRequest
from core.records import ClientRecord
from resolvers.context import Context, Info
from resolvers.fields.connections import ConnectionRecord, all_of, connection_of, given
from resolvers.fields.ids import CLIENTS, MAX_INT
from resolvers.policy.directives import ERP_STATEMENT
from resolvers.policy.enums import ErpStatusCode, WebStatusCode
from resolvers.policy.errors import BadUserInput
from resolvers.policy.scopes import Scope
from resolvers.types.client import Client
from resolvers.types.trading_accounts import codes
from upstreams.erp.reader import ClientQuery

_LONGEST_SEARCH = 200


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
        default=UNSET, description="An exact client number or e-mail, else the beginning of a name."
    )


async def client_totals(
    connections: Sequence[ConnectionRecord[ClientRecord]], context: Context
) -> list[int | BaseException]:
    erp, visible = context.services.upstreams.erp, context.caller.visible
    return [await erp.count_clients(connection.query, visible, context.call) for connection in connections]


ClientConnection: Any = connection_of(
    Client, "clients", CLIENTS, client_totals, upstream=ERP_STATEMENT, scope=Scope.CLIENT_READ
)


def client_query(asked: ClientFilter | None) -> ClientQuery:
    if not asked:
        return ClientQuery()
    return ClientQuery(
        numbers=all_of(asked.client_numbers),
        web_statuses=codes(given(asked.web_status), WebStatusCode.UNRECOGNISED),
        erp_statuses=codes(given(asked.erp_status), ErpStatusCode.UNRECOGNISED),
        agencies=all_of(asked.agency),
        **_search(given(asked.search)),
    )


def _search(text: str | None) -> dict[str, Any]:
    """The search by a number, by an e-mail address, or by the beginning of a name, depending on the text."""
    text = (text or "").strip()
    if len(text) > _LONGEST_SEARCH:
        raise BadUserInput(f"search must be at most {_LONGEST_SEARCH} characters; got {len(text)}.")
    if not text:
        return {}
    is_number = text.isascii() and text.isdigit() and int(text) <= MAX_INT
    return {"number": int(text) if is_number else None, "email": text if "@" in text else None, "name_prefix": text}


async def clients(
    info: Info,
    request: PageRequest,
    filter: Annotated[ClientFilter | None, strawberry.argument(description="Conditions for the list.")] = UNSET,  # noqa: A002 - the graph's name.
) -> ConnectionRecord[ClientRecord]:
    context, query = info.context, client_query(filter)
    page = await context.services.upstreams.erp.client_page(query, request, context.caller.visible, context.call)
    return ConnectionRecord(page, request, CLIENTS.of, None, query)
