"""`clients`: a page of all clients that the caller may see."""

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from core.keyset import PageRequest
from core.records import ClientRecord
from engine import by_class
from resolvers.context import Context, Info
from resolvers.fields.connections import (
    After,
    Before,
    ConnectionRecord,
    EdgeRecord,
    First,
    Last,
    PageArguments,
    PageInfo,
    connection_key,
    given,
)
from resolvers.fields.declare import many
from resolvers.fields.ids import MAX_INT, encode_cursor
from resolvers.policy.directives import ERP_STATEMENT, needs
from resolvers.policy.enums import ErpStatusCode, WebStatusCode
from resolvers.policy.errors import BadUserInput
from resolvers.policy.scopes import Scope
from resolvers.types.client import Client
from resolvers.types.trading_account import codes
from upstreams.erp.reader import ClientQuery

CURSOR = "clients"
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


@strawberry.type(description="A client in a list.", directives=[needs(Scope.CLIENT_READ)])
class ClientEdge:
    cursor: str = strawberry.field(description="Where the client stands in the list.")
    node: Client = strawberry.field(description="The client.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, EdgeRecord)


async def client_totals(
    connections: Sequence[ConnectionRecord[ClientRecord]], context: Context
) -> list[int | BaseException]:
    erp, visible = context.services.upstreams.erp, context.caller.visible
    return [await erp.count_clients(connection.query, visible, context.call) for connection in connections]


@strawberry.type(description="A page of clients.", directives=[needs(Scope.CLIENT_READ)])
class ClientConnection:
    edges: list[ClientEdge] = strawberry.field(description="The clients with their cursors.")
    nodes: list[Client] = strawberry.field(description="The clients.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the list.")
    total_count = many(
        client_totals,
        returns=int | None,
        key=connection_key,
        description="How many clients there are on all pages; a statement of its own, made only when asked for.",
        upstreams=[ERP_STATEMENT],
    )

    @classmethod
    @by_class
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, ConnectionRecord)


def client_query(asked: ClientFilter | None) -> ClientQuery:
    if asked is None:
        return ClientQuery()
    return ClientQuery(
        numbers=_tuple(asked.client_numbers),
        web_statuses=codes(given(asked.web_status), WebStatusCode.UNRECOGNISED),
        erp_statuses=codes(given(asked.erp_status), ErpStatusCode.UNRECOGNISED),
        agencies=_tuple(asked.agency),
        **_search(given(asked.search)),
    )


def _tuple(values: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if given(values) is None else tuple(values or ())


def _search(text: str | None) -> dict[str, Any]:
    """The three readings of a search text: a number, an e-mail address, the beginning of a name."""
    text = (text or "").strip()
    if len(text) > _LONGEST_SEARCH:
        raise BadUserInput(f"search must be at most {_LONGEST_SEARCH} characters; got {len(text)}.")
    if not text:
        return {}
    is_number = text.isascii() and text.isdigit() and int(text) <= MAX_INT
    return {"number": int(text) if is_number else None, "email": text if "@" in text else None, "name_prefix": text}


async def clients(  # noqa: PLR0913, PLR0917 - Relay's four arguments and a filter.
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    filter: Annotated[ClientFilter | None, strawberry.argument(description="Which of them.")] = UNSET,  # noqa: A002 - the graph's name.
) -> ConnectionRecord[ClientRecord]:
    context = info.context
    request, query = clients_page(context, first, after, last, before, filter)
    page = await context.services.upstreams.erp.client_page(query, request, context.caller.visible, context.call)
    return ConnectionRecord(page, request, _cursor, None, query)


def clients_page(  # noqa: PLR0913, PLR0917 - the field's arguments.
    context: Context,
    first: Any = UNSET,
    after: Any = UNSET,
    last: Any = UNSET,
    before: Any = UNSET,
    filter: Any = UNSET,  # noqa: A002 - the graph's name.
) -> tuple[PageRequest, ClientQuery]:
    """What the arguments of `clients` ask for. Raises BadUserInput."""
    request = PageArguments.of(first, after, last, before).request(CURSOR, (int,), context.services.limits)
    return request, client_query(given(filter))


def cursor_of_number(number: int) -> str:
    return encode_cursor(CURSOR, number)


def _cursor(client: ClientRecord) -> str:
    return cursor_of_number(client.client_number)
