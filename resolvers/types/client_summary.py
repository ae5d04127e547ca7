"""`clientSummary`: counts and sums over the clients of a filter."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from core.money import in_currency
from resolvers.context import Info
from resolvers.policy.authorization import VALUE, public
from resolvers.policy.directives import needs
from resolvers.policy.enums import ErpStatusCode, WebStatusCode, code_of
from resolvers.policy.scopes import Scope
from resolvers.types.client import FIGURES
from resolvers.types.clients import ClientFilter, client_query
from resolvers.types.clients_by_total import sums_of
from resolvers.types.currency_balance import Money, exact_sum, money
from resolvers.types.optional_conditions import check_columns
from resolvers.types.scalars import CurrencyCode
from upstreams.erp.rows import bad_sum


@public(VALUE)
@strawberry.type(description="The number of clients with a web status.")
class WebStatusCount:
    code: WebStatusCode = strawberry.field(description="The status by name.")
    count: int = strawberry.field(description="The number of clients.")


@public(VALUE)
@strawberry.type(description="The number of clients with an ERP status.")
class ErpStatusCount:
    code: ErpStatusCode = strawberry.field(description="The status by name.")
    count: int = strawberry.field(description="The number of clients.")


@public(VALUE)
@strawberry.type(description="The number of clients of an agency.")
class AgencyCount:
    agency: int = strawberry.field(description="The agency.")
    count: int = strawberry.field(description="The number of clients.")


@strawberry.type(
    description="The sums of all clients' balances in one currency.", directives=[needs(Scope.BALANCE_READ)]
)
class CurrencySum:
    currency: CurrencyCode = strawberry.field(description="The currency of the balances.")
    clients: int = strawberry.field(description="The number of clients with a balance other than zero.")
    balance: Decimal = strawberry.field(description="The sum of the balances. Debts reduce it.")
    cash: Decimal = strawberry.field(description="The sum of the available amounts.")
    value: Money | None = strawberry.field(
        description="The sum in the accounting currency at current rates; null without a rate."
    )


@strawberry.type(
    description="Counts and sums over the clients of a filter that the caller may see.",
    directives=[needs(Scope.CLIENT_READ)],
)
class ClientSummary:
    as_of: datetime | None = strawberry.field(
        description="The time of the snapshot that gave the summary; null for the clients as they are now."
    )
    count: int = strawberry.field(description="The number of clients.")
    by_web_status: list[WebStatusCount] = strawberry.field(
        description="The number of clients with each web status. Clients without a web status are left out."
    )
    by_erp_status: list[ErpStatusCount] = strawberry.field(description="The number of clients with each ERP status.")
    by_agency: list[AgencyCount] = strawberry.field(description="The number of clients of each agency.")
    balances: list[CurrencySum] | None = strawberry.field(
        description="The sums of each currency with a balance other than zero.", directives=[needs(FIGURES)]
    )
    total_floating_balance: Money | None = strawberry.field(
        description="The sum of `value` over all currencies. It is null if one current rate is missing: the sum is "
        "never partial.",
        directives=[needs(FIGURES)],
    )


async def client_summary(
    info: Info,
    filter: Annotated[ClientFilter | None, strawberry.argument(description="Conditions for the clients.")] = UNSET,  # noqa: A002 - the graph's name.
) -> ClientSummary:
    context, query = info.context, client_query(filter)
    upstreams, visible = context.services.upstreams, context.caller.visible
    await check_columns(query, context)
    figures = context.caller.may(*FIGURES)
    sums = await sums_of(
        query,
        lambda: upstreams.lists.client_sums(query, visible, context.call, figures=figures),
        lambda: upstreams.state.totals.client_sums(query, visible, context.call),
        "A summary of so many clients cannot have clientNumbers, search, phone or createdFrom/To.",
        context,
    )
    return _summary(sums.as_of, sums.rows, context.services.accounting_currency)


def _summary(as_of: datetime | None, rows: Sequence[Mapping[str, Any]], accounting: str) -> ClientSummary:
    def part(name: str) -> list[Mapping[str, Any]]:
        return [row for row in rows if row["part"] == name]

    # Without a web status there is no code, but an ERP status of null is one that this version does not know.
    web = [row for row in part("web_status") if row["key"] is not None]
    sums = sorted(part("currency"), key=itemgetter("key"))
    return ClientSummary(
        as_of=as_of,
        count=part("count")[0]["clients"],
        by_web_status=_by_code(WebStatusCount, web, WebStatusCode.UNRECOGNISED),
        by_erp_status=_by_code(ErpStatusCount, part("erp_status"), ErpStatusCode.UNRECOGNISED),
        by_agency=_by_agency(part("agency")),
        balances=[_currency_sum(row, accounting) for row in sums],
        total_floating_balance=_value([row["value"] for row in sums], accounting),
    )


def _by_code(kind: Any, rows: Sequence[Mapping[str, Any]], otherwise: Any) -> list[Any]:
    found: Counter[Any] = Counter()
    for row in rows:
        found[code_of(type(otherwise), row["key"] and int(row["key"]), otherwise)] += row["clients"]
    return [kind(code=code, count=found[code]) for code in type(otherwise) if code in found]


def _by_agency(rows: Sequence[Mapping[str, Any]]) -> list[AgencyCount]:
    known: list[tuple[Any, int]] = sorted((int(row["key"]), row["clients"]) for row in rows if row["key"] is not None)
    bad = [(bad_sum("client", "agency"), row["clients"]) for row in rows if row["key"] is None]
    return [AgencyCount(agency=agency, count=count) for agency, count in [*known, *bad]]


def _currency_sum(row: Mapping[str, Any], accounting: str) -> CurrencySum:
    def figure(name: str) -> Any:
        amount = exact_sum([row[name]], "currency_balance", name)
        if amount is None:
            return bad_sum("currency_balance", name)
        return in_currency(amount, row["key"]) if isinstance(amount, Decimal) else amount

    currency: Any = row["key"] or bad_sum("currency_balance", "currency")
    return CurrencySum(
        currency=currency,
        clients=row["clients"],
        balance=figure("balance"),
        cash=figure("cash"),
        value=_value([row["value"]], accounting),
    )


def _value(values: Sequence[Decimal | None], accounting: str) -> Any:
    value = exact_sum(values, "currency_balance", "value")
    return money(value, accounting) if value is None or isinstance(value, Decimal) else value
