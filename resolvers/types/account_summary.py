"""`accountSummary`: counts and sums over the accounts of a filter."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from core.money import in_currency
from resolvers.context import Info
from resolvers.policy.directives import needs
from resolvers.policy.enums import Platform, code_of
from resolvers.policy.scopes import Scope
from resolvers.types.clients_by_total import sums_of
from resolvers.types.currency_balance import exact_sum
from resolvers.types.optional_conditions import check_columns
from resolvers.types.scalars import CurrencyCode
from resolvers.types.trading_account import FIGURES
from resolvers.types.trading_accounts import TradingAccountFilter, account_query


def _figure(what: str) -> Any:
    return strawberry.field(
        description=f"The sum of {what}. It is null if one account has no such figure: the sum is never partial.",
        directives=[needs(FIGURES)],
    )


@strawberry.type(
    description="The sums of accounts with the same currency, on one server or platform. Accounts without a currency "
    "have a sum of their own.",
    directives=[needs(Scope.CLIENT_READ)],
)
class AccountSum:
    server: str | None = strawberry.field(description="The name of the server; null in a sum of a platform.")
    platform: Platform | None = strawberry.field(description="The platform, as the ERP names it.")
    currency: CurrencyCode | None = strawberry.field(description="The currency of all amounts.")
    accounts: int = strawberry.field(description="The number of accounts.")
    balance: Decimal | None = _figure("the balances")
    equity: Decimal | None = _figure("the equities")
    margin: Decimal | None = _figure("the margins")


@strawberry.type(
    description="Counts and sums over the accounts of a filter, of the clients that the caller may see.",
    directives=[needs(Scope.CLIENT_READ)],
)
class AccountSummary:
    as_of: datetime | None = strawberry.field(
        description="The time of the snapshot that gave the summary; null for the accounts as the ERP has them now."
    )
    count: int = strawberry.field(description="The number of accounts.")
    by_server: list[AccountSum] = strawberry.field(description="A sum for each server, platform and currency.")
    by_platform: list[AccountSum] = strawberry.field(description="A sum for each platform and currency.")


async def account_summary(
    info: Info,
    filter: Annotated[  # noqa: A002 - the graph's name.
        TradingAccountFilter | None, strawberry.argument(description="Conditions for the accounts.")
    ] = UNSET,
) -> AccountSummary:
    context, query = info.context, account_query(filter, info.context.caller)
    upstreams, visible = context.services.upstreams, context.caller.visible
    await check_columns(query, context)
    sums = await sums_of(
        query,
        lambda: upstreams.lists.account_sums(query, visible, context.call),
        lambda: upstreams.state.totals.account_sums(query, visible, context.call),
        "A summary of so many accounts cannot have search, balanceFrom or balanceTo.",
        context,
    )
    rows = [row for row in sums.rows if row["accounts"] is not None]
    return AccountSummary(
        as_of=sums.as_of,
        count=sum(row["accounts"] for row in rows),
        by_server=_account_sums(rows, by_server=True),
        by_platform=_account_sums(rows, by_server=False),
    )


def _account_sums(rows: Sequence[Mapping[str, Any]], *, by_server: bool) -> list[AccountSum]:
    groups: defaultdict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        platform = code_of(Platform, row["platform"], Platform.UNRECOGNISED)
        groups[row["server"] if by_server else None, platform, row["currency"]].append(row)

    def figure(name: str, group: Sequence[Mapping[str, Any]], currency: str | None) -> Any:
        amount = exact_sum([row[name] for row in group], "trading_account", name)
        return in_currency(amount, currency) if currency and isinstance(amount, Decimal) else amount

    return [
        AccountSum(
            server=server,
            platform=platform,
            currency=currency,
            accounts=sum(row["accounts"] for row in group),
            **{name: figure(name, group, currency) for name in ("balance", "equity", "margin")},
        )
        for (server, platform, currency), group in sorted(groups.items(), key=_place)
    ]


def _place(group: tuple[Any, Any]) -> tuple[Any, ...]:
    server, platform, currency = group[0]
    return server is None, server or "", list(Platform).index(platform), currency is None, currency or ""
