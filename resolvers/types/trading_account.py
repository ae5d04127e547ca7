from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from core.money import in_currency
from core.records import AccountRecord, ClientRecord
from engine import by_column
from engine.rendering import PathStep, RequestedField
from resolvers.context import Context, Info
from resolvers.fields.declare import field, is_a, many
from resolvers.fields.ids import ACCOUNT_ID
from resolvers.fields.loaders import clients_by_number
from resolvers.fields.rendering import BY_RESOLVER, Compilation, Json, Place, coded, column, rendered, sql
from resolvers.policy.directives import ERP_STATEMENT, asks, lists, needs
from resolvers.policy.enums import Platform, TradingAccountStatus, code_of
from resolvers.policy.scopes import Scope
from resolvers.types.live_account import LiveAccount, live_accounts
from resolvers.types.node import Node, node_id
from resolvers.types.scalars import CurrencyCode
from resolvers.types.trades import (
    MOST_REPORT_DAYS,
    MOST_TRADE_DAYS,
    DailyReport,
    Position,
    TradeConnection,
    closed_trades,
    daily_reports,
    open_positions,
)
from resolvers.types.trading_server import SERVER, TradingServer, trading_server
from upstreams.vendors.kit.demo_groups import Patterns, is_demo, like_patterns

if TYPE_CHECKING:
    from resolvers.types.client import Client

FIGURES = (Scope.BALANCE_READ,)
TRADES = (Scope.TRADE_READ,)
_NULL = (
    "Null with one error if the server does not answer, and null without an error if its vendor has no such call "
    "(`TradingServer.%s`)."
)
_LIVE_BATCH = 200
_relation = partial(many, key=attrgetter("key"))


async def owners(accounts: Sequence[AccountRecord], context: Context) -> list[ClientRecord | BaseException | None]:
    return await context.load_many(clients_by_number, [account.client_number for account in accounts])


def _servers(accounts: Sequence[AccountRecord], context: Context) -> list[TradingServer]:
    known = {name: trading_server(name, context.services) for name in {account.server for account in accounts}}
    return [known[account.server] for account in accounts]


def is_demo_account(account: AccountRecord, context: Context) -> bool | None:
    """None where the settings do not say."""
    server = context.services.upstreams.servers.get(account.server)
    return None if server is None else is_demo(account.group_name, server.demo_groups)


def figure(name: str, description: str) -> Any:
    """An amount of the ERP's copy of an account, for callers that may read balances."""

    def resolve(root: Any) -> Decimal | None:
        amount: Decimal | None = getattr(root, name)
        return amount if amount is None or root.currency is None else in_currency(amount, root.currency)

    return field(description, column(sql.figure, name, "currency"), resolver=resolve, directives=[needs(FIGURES)])


def _owner(compilation: Compilation, wanted: RequestedField, place: Place) -> Json:
    """The client that owns the account: its row is the row of the outer client. Lists and holes below it would need
    another path and are not rendered.
    """
    return compilation.object(wanted, Place(compilation.builder.client, (*place.path, PathStep(wanted))))


def _demo(compilation: Compilation, _wanted: RequestedField, place: Place) -> Json:
    def array(values: Callable[[Mapping[str, Patterns]], Iterable[str]]) -> str:
        def value(context: Context, _arguments: Any) -> tuple[str, ...]:
            servers = context.services.upstreams.servers
            return tuple(values({name: server.demo_groups for name, server in servers.items()}))

        return compilation.builder.parameter(compilation.parameter(value), "text[]")

    patterns = (
        array(lambda servers: (name for name, _ in like_patterns(servers))),
        array(lambda servers: (pattern for _, pattern in like_patterns(servers))),
    )
    decided = array(lambda servers: (name for name, known in servers.items() if known is not None))
    return sql.demo(place.row.column("server"), place.row.column("group_name"), patterns, decided)


@strawberry.type(
    description="A trading account as the ERP last synchronised it. `live` has the current figures of the trading "
    "server.",
    directives=[needs(Scope.CLIENT_READ)],
)
class TradingAccount(Node):
    id = node_id(ACCOUNT_ID, "Permanent and opaque; `node(id:)` finds the account again.")
    login: str = field(
        "The account's number on its server. It is unique only on this server.", column(sql.text, "login")
    )

    @field("The trading server.", SERVER)
    @by_column(_servers)
    def server(root: strawberry.Parent[AccountRecord], info: Info) -> TradingServer:
        return trading_server(root.server, info.context.services)

    @field("The platform, as the ERP names it.", column(coded(Platform.UNRECOGNISED), "platform"))
    def platform(root: strawberry.Parent[AccountRecord]) -> Platform:
        return code_of(Platform, root.platform, Platform.UNRECOGNISED)

    @field(
        "The state of the account at the last synchronisation of the ERP.",
        column(coded(TradingAccountStatus.UNKNOWN), "status"),
    )
    def status(root: strawberry.Parent[AccountRecord]) -> TradingAccountStatus:
        return code_of(TradingAccountStatus, root.status, TradingAccountStatus.UNKNOWN)

    group: str | None = field(
        "The group on the server.",
        column(sql.text_or_null, "group_name"),
        resolver=lambda root: root.group_name,
        graphql_type=str | None,
    )

    @field(
        "Whether it is a demo account, by the group patterns of the settings; null when they do not say.",
        rendered(_demo),
    )
    def demo(root: strawberry.Parent[AccountRecord], info: Info) -> bool | None:
        return is_demo_account(root, info.context)

    currency: CurrencyCode | None = field("The currency of all amounts.", column(sql.text_or_null, "currency"))
    balance = figure("balance", "Money on the account, at the time of syncedAt.")
    equity = figure("equity", "Balance, credit and floating result, at the time of syncedAt.")
    margin = figure("margin", "Margin that open trades use, at the time of syncedAt.")
    synced_at: datetime | None = field(
        "The time at which the ERP read these figures from the server.", column(sql.instant_or_null, "synced_at")
    )
    client = _relation(
        owners,
        returns=Annotated["Client", strawberry.lazy("resolvers.types.client")],
        description="The client that owns the account.",
        upstreams=[ERP_STATEMENT],
        rendering=rendered(_owner),
    )
    live = _relation(
        live_accounts,
        returns=LiveAccount | None,
        description="The live figures of the trading platform's API. One call per server carries many logins. Null "
        "with one error if the server does not answer, and null without an error if the server has none "
        "(`TradingServer.hasLiveFigures`). A cached figure that is younger than maxAgeSeconds may be "
        "returned.",
        upstreams=asks("live", batch_max=_LIVE_BATCH),
        scopes=FIGURES,
        rendering=BY_RESOLVER,
    )
    open_positions = _relation(
        open_positions,
        returns=list[Position] | None,
        description=f"The open trades, without pending orders, by ticket. {_NULL % 'hasOpenPositions'}",
        upstreams=lists("open_positions"),
        scopes=TRADES,
        rendering=BY_RESOLVER,
    )
    closed_trades = _relation(
        closed_trades,
        returns=TradeConnection | None,
        description=f"The trades that were closed in a time of at most {MOST_TRADE_DAYS} days, the earliest first. "
        f"{_NULL % 'hasClosedTrades'}",
        upstreams=lists("closed_trades"),
        scopes=TRADES,
        rendering=BY_RESOLVER,
    )
    daily_reports = _relation(
        daily_reports,
        returns=list[DailyReport] | None,
        description="The figures at the end of each day of the server's calendar, for a time of at most "
        f"{MOST_REPORT_DAYS} days. {_NULL % 'hasDailyReports'}",
        upstreams=lists("daily_reports"),
        scopes=TRADES,
        rendering=BY_RESOLVER,
    )
    is_type_of = is_a(AccountRecord)
