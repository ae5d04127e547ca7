from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET

from core.money import in_currency
from core.records import AccountKey, AccountRecord, ClientRecord
from engine import by_class, by_column
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
    counted,
    given,
)
from resolvers.fields.declare import attribute, many
from resolvers.fields.ids import encode_cursor, encode_id
from resolvers.fields.loaders import clients_by_number
from resolvers.policy.directives import ERP_STATEMENT, asks, needs
from resolvers.policy.enums import Platform, TradingAccountStatus, code_of, listed
from resolvers.policy.scopes import Scope
from resolvers.types.live_account import LiveAccount, live_accounts
from resolvers.types.node import Node
from resolvers.types.scalars import CurrencyCode
from resolvers.types.trading_server import TradingServer, trading_server
from upstreams.erp.reader import AccountQuery, Codes

if TYPE_CHECKING:
    from resolvers.types.client import Client

FIGURES = (Scope.BALANCE_READ,)
CURSOR = "accounts"
_LIVE_BATCH = 200


def account_id(key: AccountKey) -> strawberry.ID:
    return strawberry.ID(encode_id("TradingAccount", f"{key.server}/{key.login}"))


def account_key(account: AccountRecord) -> AccountKey:
    return account.key


async def owners(accounts: Sequence[AccountRecord], context: Context) -> list[ClientRecord | BaseException | None]:
    return await context.load_many(clients_by_number, [account.client_number for account in accounts])


def _servers(accounts: Sequence[AccountRecord], context: Context) -> list[TradingServer]:
    known = {name: trading_server(name, context.services) for name in {account.server for account in accounts}}
    return [known[account.server] for account in accounts]


def figure(name: str, description: str) -> Any:
    """A money figure of the ERP's copy, for callers who may see balances."""
    return attribute(name, returns=Decimal | None, description=description, scopes=FIGURES, shown=_in_currency)


def _in_currency(account: AccountRecord, amount: Decimal | None) -> Decimal | None:
    return amount if amount is None or account.currency is None else in_currency(amount, account.currency)


@strawberry.type(
    description="A login on a trading server, as the ERP last synchronised it; `live` asks the server itself.",
    directives=[needs(Scope.CLIENT_READ)],
)
class TradingAccount(Node):
    @strawberry.field(description="Permanent and opaque; `node(id:)` finds the account again.")
    def id(root: strawberry.Parent[AccountRecord]) -> strawberry.ID:
        return account_id(root.key)

    login: str = strawberry.field(description="The account's number on its server, unique only there.")

    @strawberry.field(description="The trading server.")
    @by_column(_servers)
    def server(root: strawberry.Parent[AccountRecord], info: Info) -> TradingServer:
        return trading_server(root.server, info.context.services)

    @strawberry.field(description="The platform, as the ERP names it.")
    def platform(root: strawberry.Parent[AccountRecord]) -> Platform:
        return code_of(Platform, root.platform, Platform.UNRECOGNISED)

    @strawberry.field(description="Whether the account is open, as the ERP last saw it.")
    def status(root: strawberry.Parent[AccountRecord]) -> TradingAccountStatus:
        return code_of(TradingAccountStatus, root.status, TradingAccountStatus.UNKNOWN)

    group: str | None = strawberry.field(
        resolver=lambda root: root.group_name, graphql_type=str | None, description="The group on the server."
    )
    currency: CurrencyCode | None = strawberry.field(description="The currency of all figures.")
    balance = figure("balance", "Money on the account, as old as syncedAt.")
    equity = figure("equity", "Balance, credit and floating result, as old as syncedAt.")
    margin = figure("margin", "Margin that open trades use, as old as syncedAt.")
    synced_at: datetime | None = strawberry.field(description="When the ERP took these figures from the server.")
    client = many(
        owners,
        returns=Annotated["Client", strawberry.lazy("resolvers.types.client")],
        key=account_key,
        description="The client that owns the account.",
        upstreams=[ERP_STATEMENT],
    )
    live = many(
        live_accounts,
        returns=LiveAccount | None,
        key=account_key,
        description="From the trading platform's API, many logins in one call per server. Null with one error when the "
        "server cannot answer. A figure younger than maxAgeSeconds may be reused.",
        upstreams=asks("live", batch_max=_LIVE_BATCH),
        scopes=FIGURES,
    )

    @classmethod
    @by_class
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, AccountRecord)


@strawberry.type(description="An account in a list.", directives=[needs(Scope.CLIENT_READ)])
class TradingAccountEdge:
    cursor: str = strawberry.field(description="Where the account stands in the list.")
    node: TradingAccount = strawberry.field(description="The account.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, EdgeRecord)


async def account_totals(
    connections: Sequence[ConnectionRecord[AccountRecord]], context: Context
) -> list[int | BaseException]:
    erp, visible = context.services.upstreams.erp, context.caller.visible

    async def count(query: AccountQuery, numbers: list[int]) -> dict[int, int]:
        return await erp.count_accounts(numbers, query, visible, context.call)

    return await counted(connections, count)


@strawberry.type(description="A page of accounts.", directives=[needs(Scope.CLIENT_READ)])
class TradingAccountConnection:
    edges: list[TradingAccountEdge] = strawberry.field(description="The accounts with their cursors.")
    nodes: list[TradingAccount] = strawberry.field(description="The accounts.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the list.")
    total_count = many(
        account_totals,
        returns=int | None,
        key=connection_key,
        description="How many accounts there are on all pages; a statement of its own, made only when asked for.",
        upstreams=[ERP_STATEMENT],
    )

    @classmethod
    @by_class
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, ConnectionRecord)


@strawberry.input(description="Which accounts to list; conditions are joined by AND.")
class TradingAccountFilter:
    platforms: list[Platform] | None = strawberry.field(default=UNSET, description="On any of these platforms.")
    servers: list[str] | None = strawberry.field(default=UNSET, description="On any of these servers.")
    statuses: list[TradingAccountStatus] | None = strawberry.field(default=UNSET, description="In any of these states.")


def codes(wanted: Sequence[Any] | None, otherwise: Any) -> Codes | None:
    """Enum members as the database's values; `otherwise` is the member that stands for all unlisted values."""
    if wanted is None:
        return None
    values = tuple(member.value for member in wanted if member is not otherwise)
    return Codes(values, otherwise in wanted, listed(otherwise, enum=type(otherwise)))


def account_query(asked: TradingAccountFilter | None) -> AccountQuery:
    if asked is None:
        return AccountQuery()
    servers = given(asked.servers)
    return AccountQuery(
        platforms=codes(given(asked.platforms), Platform.UNRECOGNISED),
        servers=None if servers is None else tuple(servers),
        statuses=_statuses(given(asked.statuses)),
    )


def _statuses(wanted: Sequence[TradingAccountStatus] | None) -> Codes | None:
    """UNKNOWN is both a number of the ERP's (0) and every number that this version does not know."""
    return codes(wanted, TradingAccountStatus.UNKNOWN)


async def account_connections(  # noqa: PLR0913, PLR0917 - Relay's four arguments and a filter.
    clients: Sequence[ClientRecord],
    context: Context,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    filter: Annotated[TradingAccountFilter | None, strawberry.argument(description="Which of them.")] = UNSET,  # noqa: A002 - the graph's name.
) -> list[ConnectionRecord[AccountRecord]]:
    request = PageArguments.of(first, after, last, before).request(CURSOR, (str, str), context.services.limits)
    query = account_query(given(filter))
    numbers = [client.client_number for client in clients]
    erp = context.services.upstreams.erp
    pages = await erp.account_pages(numbers, query, request, context.caller.visible, context.call)
    return [ConnectionRecord(pages[number], request, _cursor, number, query) for number in numbers]


def _cursor(account: AccountRecord) -> str:
    return encode_cursor(CURSOR, account.server, account.login)
