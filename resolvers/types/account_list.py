"""`tradingAccounts`: a page of the accounts of all clients that the caller may see."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final

import strawberry
from strawberry import UNSET

from core.keyset import PageRequest
from core.records import AccountRecord
from resolvers.context import Context, Info
from resolvers.fields.connections import ConnectionRecord, given
from resolvers.fields.ids import ACCOUNTS, ACCOUNTS_BY_BALANCE, ACCOUNTS_BY_EQUITY, ACCOUNTS_BY_SYNCED_AT, Cursor
from resolvers.policy.enums import OrderDirection, TradingAccountOrderField
from resolvers.types.optional_conditions import check_columns
from resolvers.types.trading_accounts import TradingAccountFilter, account_query, compare_figures
from upstreams.erp.list_statements import ACCOUNT_ORDERS, ListOrder
from upstreams.erp.lists import Values
from upstreams.erp.reader import AccountQuery

_FIELDS = TradingAccountOrderField
_CURSORS: Final = {
    _FIELDS.SERVER_AND_LOGIN: ACCOUNTS,
    _FIELDS.BALANCE: ACCOUNTS_BY_BALANCE,
    _FIELDS.EQUITY: ACCOUNTS_BY_EQUITY,
    _FIELDS.SYNCED_AT: ACCOUNTS_BY_SYNCED_AT,
}


@strawberry.input(description="The order of a list of trading accounts.")
class TradingAccountOrder:
    field: TradingAccountOrderField = strawberry.field(description="What the list is sorted by.")
    direction: OrderDirection = strawberry.field(description="The direction of the order.")


_DEFAULT: Final = TradingAccountOrder(field=_FIELDS.SERVER_AND_LOGIN, direction=OrderDirection.ASC)


def account_cursors(arguments: Mapping[str, Any]) -> Cursor:
    """The cursors of the order that these arguments name."""
    return _CURSORS[(given(arguments.get("order_by")) or _DEFAULT).field]


async def account_list(
    asked: TradingAccountFilter | None, order_by: TradingAccountOrder | None, context: Context
) -> tuple[AccountQuery, ListOrder, Cursor]:
    """What these arguments ask for, with the cursors of the order. Raises BadUserInput and Forbidden."""
    wanted, query = given(order_by) or _DEFAULT, account_query(asked, context.caller)
    order = ACCOUNT_ORDERS[wanted.field.value]
    if order.one_currency:
        compare_figures(f"orderBy {wanted.field.name}", query, context.caller)
    await check_columns(query, context)
    return query, replace(order, descending=wanted.direction is OrderDirection.DESC), _CURSORS[wanted.field]


async def trading_accounts(
    info: Info,
    request: PageRequest,
    filter: Annotated[TradingAccountFilter | None, strawberry.argument(description="Conditions for the list.")] = UNSET,  # noqa: A002 - the graph's name.
    order_by: Annotated[TradingAccountOrder | None, strawberry.argument(description="The order of the list.")] = UNSET,
) -> ConnectionRecord[AccountRecord]:
    context, visible = info.context, info.context.caller.visible
    query, order, cursors = await account_list(filter, order_by, context)
    page, values = await context.services.upstreams.lists.accounts(query, order, request, visible, context.call)
    cursor_of = partial(_cursor_of, values, cursors) if order.column else cursors.of
    return ConnectionRecord(page, request, cursor_of, None, query)


def _cursor_of(values: Values, cursors: Cursor, account: AccountRecord) -> str:
    return cursors.encode(values[account.key], account.server, account.login)
