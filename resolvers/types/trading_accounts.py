"""`Client.tradingAccounts`: a page of a client's accounts, resolved or rendered."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Final

import strawberry
from strawberry import UNSET

from core.keyset import PageRequest
from core.records import AccountRecord, ClientRecord
from engine.rendering import Arguments, PathStep, RequestedField
from resolvers.context import Caller, Context
from resolvers.fields.connections import ConnectionRecord, all_of, connection_of, counted, given, page_request
from resolvers.fields.ids import ACCOUNTS
from resolvers.fields.rendering import (
    AccountPage,
    Accounts,
    Compilation,
    Json,
    Place,
    Row,
    Unrendered,
    Value,
    rendered,
    sql,
)
from resolvers.policy.directives import ERP_STATEMENT
from resolvers.policy.enums import Platform, TradingAccountStatus, listed
from resolvers.policy.errors import BadUserInput
from resolvers.policy.scopes import Scope
from resolvers.types.optional_conditions import check_columns, searched
from resolvers.types.scalars import CurrencyCode
from resolvers.types.trading_account import FIGURES, TradingAccount
from upstreams.erp.reader import AccountQuery, Codes

_FILTER_PARAMETERS: Final = len(AccountQuery().parameters())
_BOUNDS: Final = 4


async def account_totals(
    connections: Sequence[ConnectionRecord[AccountRecord]], context: Context
) -> list[int | BaseException]:
    erp, lists = context.services.upstreams.erp, context.services.upstreams.lists
    visible = context.caller.visible

    async def count(query: AccountQuery, numbers: list[int | None]) -> Mapping[int | None, int]:
        owners = [number for number in numbers if number is not None]
        found: dict[int | None, int] = {}
        if len(owners) < len(numbers):  # `Query.tradingAccounts` has no owner.
            found[None] = await lists.count_accounts(query, visible, context.call)
        return found | (await erp.count_accounts(owners, query, visible, context.call) if owners else {})

    return await counted(connections, count)


TradingAccountConnection: Any = connection_of(
    TradingAccount, "accounts", ACCOUNTS, account_totals, upstream=ERP_STATEMENT, scope=Scope.CLIENT_READ
)


@strawberry.input(description="Which accounts to list; conditions are joined by AND.")
class TradingAccountFilter:
    platforms: list[Platform] | None = strawberry.field(default=UNSET, description="On any of these platforms.")
    servers: list[str] | None = strawberry.field(default=UNSET, description="On any of these servers.")
    statuses: list[TradingAccountStatus] | None = strawberry.field(default=UNSET, description="In any of these states.")
    groups: list[str] | None = strawberry.field(default=UNSET, description="In any of these groups of the server.")
    currencies: list[CurrencyCode] | None = strawberry.field(default=UNSET, description="In any of these currencies.")
    agency: list[int] | None = strawberry.field(default=UNSET, description="Of clients of any of these agencies.")
    balance_from: Decimal | None = strawberry.field(
        default=UNSET, description="With at least this balance. `currencies` must have exactly one currency."
    )
    balance_to: Decimal | None = strawberry.field(
        default=UNSET, description="With at most this balance. `currencies` must have exactly one currency."
    )
    search: str | None = strawberry.field(
        default=UNSET,
        description="A login, or accounts of the clients that ClientFilter.search finds.",
    )


def codes(wanted: Sequence[Any] | None, otherwise: Any) -> Codes | None:
    """The database's values for enum members. `otherwise` is the member for all values without their own member."""
    if wanted is None:
        return None
    values = tuple(member.value for member in wanted if member is not otherwise)
    return Codes(values, otherwise in wanted, listed(otherwise))


def account_query(asked: TradingAccountFilter | None, caller: Caller) -> AccountQuery:
    """Raises BadUserInput, and Forbidden for a condition on figures that the caller may not read."""
    if not asked:
        return AccountQuery()
    query = AccountQuery(
        platforms=codes(given(asked.platforms), Platform.UNRECOGNISED),
        servers=all_of(asked.servers),
        # UNKNOWN is the ERP's number 0 and every number that this version does not know.
        statuses=codes(given(asked.statuses), TradingAccountStatus.UNKNOWN),
        groups=all_of(asked.groups),
        currencies=all_of(asked.currencies),
        agencies=all_of(asked.agency),
        balance_from=given(asked.balance_from),
        balance_to=given(asked.balance_to),
        optional=tuple(searched("accounts", asked.search)),
    )
    for name in ("balance_from", "balance_to"):
        if getattr(query, name) is not None:
            compare_figures(f"TradingAccountFilter.{name.replace('_f', 'F').replace('_t', 'T')}", query, caller)
    return query


def compare_figures(what: str, query: AccountQuery, caller: Caller) -> None:
    """Check that the caller may compare figures, and that all figures have one currency."""
    caller.require(what, FIGURES)
    if query.currencies is None or len(set(query.currencies)) != 1:
        raise BadUserInput(f"{what} compares amounts, so that filter.currencies must have exactly one currency.")


async def account_connections(
    clients: Sequence[ClientRecord],
    context: Context,
    request: PageRequest,
    filter: Annotated[TradingAccountFilter | None, strawberry.argument(description="Conditions for the list.")] = UNSET,  # noqa: A002 - the graph's name.
) -> list[ConnectionRecord[AccountRecord]]:
    query = account_query(filter, context.caller)
    await check_columns(query, context)
    numbers = [client.client_number for client in clients]
    pages = await context.services.upstreams.erp.account_pages(
        numbers, query, request, context.caller.visible, context.call
    )
    return [ConnectionRecord(pages[number], request, ACCOUNTS.of, number, query) for number in numbers]


def _accounts(compilation: Compilation, wanted: RequestedField, place: Place) -> Json:
    if place.known is None or not wanted.arguments.issubset(("first", "after", "filter")):
        raise Unrendered("accounts of an account's owner, and pages from the end of the list, are not rendered")
    page = _RenderedPage(compilation, wanted)
    return compilation.object(wanted, Place(page, (*place.path, PathStep(wanted))))


ACCOUNTS_OF_CLIENT: Final = rendered(_accounts)


class _RenderedPage:
    """A page from the beginning of the list, or after a cursor. Its columns have the values of
    `ConnectionRecord.page_info`.
    """

    def __init__(self, compilation: Compilation, wanted: RequestedField) -> None:
        self._compilation = compilation
        self._wanted = wanted
        filters = range(_FILTER_PARAMETERS) if "filter" in wanted.arguments else ()
        bounds = range(_BOUNDS) if "after" in wanted.arguments else ()
        self._page = AccountPage(
            compilation.parameter(lambda context, arguments: self._request(context, arguments).limit),
            tuple(compilation.parameter(self._condition(number)) for number in filters),
            tuple(compilation.parameter(self._bound(number)) for number in bounds),
        )

    def elements(self, compilation: Compilation, wanted: RequestedField, place: Place) -> Json:
        row, known = Row("a"), Accounts()
        body = compilation.object(wanted, Place(row, (*place.path, PathStep(wanted, is_list=True)), known))
        listed, known.number = compilation.builder.accounts(row, body, self._page, keyed=known.is_asked)
        return ["[", *listed, "]"]

    def total_count(self, compilation: Compilation, _wanted: RequestedField, _place: Place) -> Json:
        return sql.number(compilation.builder.account_count(self._page))

    def column(self, name: str) -> str:
        compilation, builder = self._compilation, self._compilation.builder
        if name == "has_previous_page":
            return builder.parameter(compilation.parameter(self._has_previous), "text")
        ends = builder.account_ends(self._page)
        if name == "has_next_page":
            return sql.joined(sql.either(ends.has_more, "true", "false"))
        end = ends.first if name == "start_cursor" else ends.last
        return sql.joined(sql.null_if(ends.is_empty, ACCOUNTS.sql(*end)))

    def _request(self, context: Context, arguments: Arguments) -> PageRequest:
        return page_request(arguments(self._wanted), ACCOUNTS, context.services.limits)

    def _has_previous(self, context: Context, arguments: Arguments) -> str:
        return "false" if self._request(context, arguments).after is None else "true"

    def _bound(self, number: int) -> Value:
        def value(context: Context, arguments: Arguments) -> str | None:
            after = self._request(context, arguments).after
            return None if after is None or number >= len(after) else after[number]

        return value

    def _condition(self, number: int) -> Value:
        def value(context: Context, arguments: Arguments) -> Any:
            query = account_query(arguments(self._wanted).get("filter"), context.caller)
            if query.optional:
                raise Unrendered("conditions on columns that the view may lack are not rendered")
            return query.parameters()[number]

        return value
