"""Open positions, closed trades and daily reports of trading accounts, as the trading servers have them."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import strawberry
from strawberry import ID, UNSET

from core.keyset import cut_page
from core.records import AccountRecord
from core.trades import DailyReportRecord, PositionRecord, TradeRecord
from resolvers.context import Context
from resolvers.fields.connections import ConnectionRecord, connection_of, page_request
from resolvers.fields.declare import is_a
from resolvers.fields.ids import TRADES
from resolvers.policy.directives import needs
from resolvers.policy.enums import TradeSide
from resolvers.policy.errors import BadUserInput
from resolvers.policy.scopes import Scope
from resolvers.types.live_account import unknown_login
from upstreams.vendors.kit.protocol import Platform
from upstreams.vendors.kit.trade_ports import ListAnswer

R = TypeVar("R")

MOST_TRADE_DAYS: Final = 366
MOST_REPORT_DAYS: Final = 400
# The time of a window. A day around it can be asked for in every time zone.
_EARLIEST, _LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST = Annotated[int | None, strawberry.argument(description="How many from the beginning, or after `after`.")]
_AFTER = Annotated[str | None, strawberry.argument(description="Only what follows this cursor.")]

Answer = Sequence[R] | BaseException | None
From = Annotated[datetime, strawberry.argument(name="from", description="The beginning, which is included.")]
To = Annotated[datetime, strawberry.argument(description="The end, which is not included.")]


@strawberry.type(
    description="An open trade. Profit, swap and commission are in the currency of the account.",
    directives=[needs(Scope.TRADE_READ)],
)
class Position:
    ticket: ID = strawberry.field(description="The number of the trade on its server.")
    symbol: str = strawberry.field(description="The traded instrument.")
    side: TradeSide = strawberry.field(description="Bought or sold.", resolver=lambda root: TradeSide(root.side))
    volume: Decimal = strawberry.field(description="The volume in lots.")
    open_price: Decimal = strawberry.field(description="The price of the opening, with the digits of the symbol.")
    current_price: Decimal | None = strawberry.field(description="The price at which it would be closed now.")
    stop_loss: Decimal | None = strawberry.field(description="Null if it is not set.")
    take_profit: Decimal | None = strawberry.field(description="Null if it is not set.")
    swap: Decimal | None = strawberry.field(description="Swap so far, which is not part of the profit.")
    commission: Decimal | None = strawberry.field(description="Commission, which is not part of the profit.")
    profit: Decimal | None = strawberry.field(description="The floating profit, without swap and commission.")
    opened_at: datetime = strawberry.field(description="The time of the opening.")
    comment: str | None = strawberry.field(description="The comment on the server.")
    is_type_of = is_a(PositionRecord)


@strawberry.type(
    description="A closed trade. Profit, swap and commission are in the currency of the account.",
    directives=[needs(Scope.TRADE_READ)],
)
class Trade:
    ticket: ID = strawberry.field(description="The number of the trade on its server.")
    symbol: str = strawberry.field(description="The traded instrument.")
    side: TradeSide = strawberry.field(
        description="Bought or sold at the opening.", resolver=lambda root: TradeSide(root.side)
    )
    volume: Decimal = strawberry.field(description="The volume in lots.")
    open_price: Decimal = strawberry.field(description="The price of the opening, with the digits of the symbol.")
    close_price: Decimal = strawberry.field(description="The price of the closing, with the digits of the symbol.")
    swap: Decimal | None = strawberry.field(description="Swap, which is not part of the profit.")
    commission: Decimal | None = strawberry.field(description="Commission, which is not part of the profit.")
    profit: Decimal = strawberry.field(description="The profit, without swap and commission.")
    opened_at: datetime = strawberry.field(description="The time of the opening.")
    closed_at: datetime = strawberry.field(description="The time of the closing.")
    comment: str | None = strawberry.field(description="The comment on the server.")
    is_type_of = is_a(TradeRecord)


@strawberry.type(
    description="The figures of an account at the end of one day, by the server's own day.",
    directives=[needs(Scope.TRADE_READ)],
)
class DailyReport:
    day: date = strawberry.field(description="The day in the calendar of the server.")
    balance: Decimal = strawberry.field(description="Money on the account, without open trades.")
    equity: Decimal | None = strawberry.field(description="Balance, credit and the floating result of open trades.")
    credit: Decimal | None = strawberry.field(description="Credit, which cannot be withdrawn.")
    deposits: Decimal | None = strawberry.field(description="Deposits of the day less its withdrawals.")
    profit_closed: Decimal | None = strawberry.field(description="The result of the trades that were closed this day.")
    margin: Decimal | None = strawberry.field(description="Margin that open trades use.")
    is_type_of = is_a(DailyReportRecord)


TradeConnection: Any = connection_of(Trade, "trades", TRADES, None, scope=Scope.TRADE_READ)


async def open_positions(accounts: Sequence[AccountRecord], context: Context) -> list[Answer[PositionRecord]]:
    def ask(platform: Platform, logins: Sequence[str]) -> Awaitable[ListAnswer[PositionRecord]] | None:
        return None if platform.open_positions is None else platform.open_positions.fetch(logins, context.call)

    return await _of_servers(accounts, context, ask)


async def closed_trades(  # noqa: PLR0913, PLR0917 - the arguments of the field.
    accounts: Sequence[AccountRecord],
    context: Context,
    from_: From,
    to: To,
    first: _FIRST = UNSET,
    after: _AFTER = UNSET,
) -> list[ConnectionRecord[TradeRecord] | BaseException | None]:
    _check_window(from_, to, MOST_TRADE_DAYS)
    request = page_request({"first": first, "after": after}, TRADES, context.services.limits)

    def ask(platform: Platform, logins: Sequence[str]) -> Awaitable[ListAnswer[TradeRecord]] | None:
        return None if platform.closed_trades is None else platform.closed_trades.fetch(logins, from_, to, context.call)

    def page(answer: Answer[TradeRecord]) -> ConnectionRecord[TradeRecord] | BaseException | None:
        if answer is None or isinstance(answer, BaseException):
            return answer
        rows = sorted(answer, key=_place)
        if request.after is not None:
            rows = [row for row in rows if _place(row) > _place_of(*request.after)]
        return ConnectionRecord(cut_page(rows, request), request, _cursor_of, None, None)

    return [page(answer) for answer in await _of_servers(accounts, context, ask)]


async def daily_reports(
    accounts: Sequence[AccountRecord], context: Context, from_: From, to: To
) -> list[Answer[DailyReportRecord]]:
    _check_window(from_, to, MOST_REPORT_DAYS)

    def ask(platform: Platform, logins: Sequence[str]) -> Awaitable[ListAnswer[DailyReportRecord]] | None:
        return None if platform.daily_reports is None else platform.daily_reports.fetch(logins, from_, to, context.call)

    return await _of_servers(accounts, context, ask)


async def _of_servers(
    accounts: Sequence[AccountRecord],
    context: Context,
    ask: Callable[[Platform, Sequence[str]], Awaitable[ListAnswer[R]] | None],
) -> list[Answer[R]]:
    """The answer of each account. Each server is asked once, and all servers concurrently. `ask` returns None for a
    server without the port, which TradingServer tells in advance, so that it is no error.
    """
    servers: defaultdict[str, list[str]] = defaultdict(list)
    for account in accounts:
        servers[account.server].append(account.login)

    async def answers(server: str, logins: Sequence[str]) -> Mapping[str, Answer[R]]:
        platform = context.services.upstreams.platforms.get(server)
        asked = None if platform is None else ask(platform, logins)
        if platform is None or asked is None:
            return dict.fromkeys(logins)
        return {
            login: unknown_login(server, login, platform) if one is None else one
            for login, one in (await asked).items()
        }

    found = await asyncio.gather(*(answers(server, logins) for server, logins in servers.items()))
    by_server = dict(zip(servers, found, strict=True))
    return [by_server[account.server][account.login] for account in accounts]


def _check_window(start: datetime, end: datetime, most_days: int) -> None:
    if not _EARLIEST <= start < end <= _LATEST:
        raise BadUserInput("from must be before to, and both must be in the years 1970 to 9999.")
    if end - start > timedelta(days=most_days):
        raise BadUserInput(f"The time from `from` to `to` must be at most {most_days} days.")


def _moment(trade: TradeRecord) -> int:
    return (trade.closed_at - _EARLIEST) // _MICROSECOND


def _place(trade: TradeRecord) -> tuple[int, int, str]:
    return _place_of(_moment(trade), trade.ticket)


def _place_of(moment: int, ticket: str) -> tuple[int, int, str]:
    """The place in the list: tickets of the same moment are in the order of their numbers."""
    return moment, len(ticket), ticket


def _cursor_of(trade: TradeRecord) -> str:
    return TRADES.encode(_moment(trade), trade.ticket)
