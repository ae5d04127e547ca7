"""A client's accounts: the beginning of the list, or what follows a cursor."""

from collections.abc import Callable
from operator import attrgetter
from typing import Final

from core.keyset import PageRequest
from engine.rendering import Arguments, PathStep, RequestedField
from resolvers.context import Context
from resolvers.fields.connections import PageArguments, given
from resolvers.policy.enums import Platform, TradingAccountStatus
from resolvers.rendering.client import OWNER
from resolvers.rendering.compiler import (
    Accounts,
    Fields,
    Place,
    Value,
    Write,
    Writing,
    argument,
    by_resolver,
    column,
    only,
)
from resolvers.rendering.statuses import coded_by
from resolvers.rendering.trading_servers import server
from resolvers.types.trading_account import CURSOR, account_query
from upstreams.erp.rendering.builder import AccountPage, Ends, Row
from upstreams.erp.rendering.sql_json import (
    Json,
    Sql,
    amount,
    base64url,
    instant,
    null_if,
    number,
    places_of,
    quoted,
    text,
    text_of,
    text_or_null,
)

_FILTER_PARAMETERS: Final = 7


def _id(_writing: Writing, _wanted: RequestedField, place: Place) -> Json:
    return base64url(f"'TradingAccount:' || {place.row.column('server')} || '/' || {place.row.column('login')}")


def _figure(name: str) -> Write:
    """In the account's currency; as it is where that is not known."""

    def write(_writing: Writing, _wanted: RequestedField, place: Place) -> Json:
        exact, currency = place.row.column(name), place.row.column("currency")
        places = f"(CASE WHEN {currency} IS NULL THEN scale({exact}) ELSE {places_of(currency)} END)"
        return null_if(f"{exact} IS NULL", amount(exact, places))

    return write


def _instant(column: str) -> Json:
    return null_if(f"{column} IS NULL", instant(column))


def _owner(writing: Writing, wanted: RequestedField, place: Place) -> Json:
    """The client whose account it is: the row that led here."""
    return writing.object(wanted, OWNER, Place(writing.composer.client, (*place.path, PathStep(wanted))))


_ACCOUNT: Final[Fields] = {
    "id": _id,
    "login": column(text, "login"),
    "server": server,
    "platform": coded_by(Platform, Platform.UNRECOGNISED, "platform"),
    "status": coded_by(TradingAccountStatus, TradingAccountStatus.UNKNOWN, "status"),
    "group": column(text_or_null, "group_name"),
    "currency": column(text_or_null, "currency"),
    "balance": _figure("balance"),
    "equity": _figure("equity"),
    "margin": _figure("margin"),
    "syncedAt": column(_instant, "synced_at"),
    "client": _owner,
    "live": by_resolver,
}


def _cursor(_writing: Writing, _wanted: RequestedField, place: Place) -> Json:
    return _cursor_of(place.row.column("server"), place.row.column("login"))


def _cursor_of(server: str, login: str) -> Json:
    begin = quoted(f'["{CURSOR}",')
    return base64url(f"{begin} || {text_of(server)} || ',' || {text_of(login)} || ']'")


def _node(writing: Writing, wanted: RequestedField, place: Place) -> Json:
    return writing.object(wanted, _ACCOUNT, place.below(wanted))


_EDGE: Final[Fields] = {"cursor": _cursor, "node": _node}


def accounts(writing: Writing, wanted: RequestedField, place: Place) -> Json:
    only(wanted, ("first", "after", "filter"))
    page = _page(writing, wanted)

    def listed(fields: Fields) -> Write:
        def write(writing: Writing, elements: RequestedField, place: Place) -> Json:
            row, known = Row("a"), Accounts()
            body = writing.object(elements, fields, Place(row, (*place.path, PathStep(elements, is_list=True)), known))
            listed, known.number = writing.composer.accounts(row, body, page, keyed=known.is_asked)
            return ["[", *listed, "]"]

        return write

    connection: Fields = {
        "nodes": listed(_ACCOUNT),
        "edges": listed(_EDGE),
        "pageInfo": lambda writing, info, place: writing.object(info, _page_info(writing, wanted, page), place),
        "totalCount": lambda writing, *_: number(writing.composer.account_count(page)),
    }
    return writing.object(wanted, connection, Place(place.row, (*place.path, PathStep(wanted))))


def _page_info(writing: Writing, wanted: RequestedField, page: AccountPage) -> Fields:
    """As ConnectionRecord.page_info has it for pages that are read forward."""

    def goes_on(context: Context, arguments: Arguments) -> str:
        return "false" if _request(wanted, context, arguments).after is None else "true"

    def cursor(end: Callable[[Ends], tuple[str, str]]) -> Write:
        def write(writing: Writing, _wanted: RequestedField, _place: Place) -> Json:
            ends = writing.composer.account_ends(page)
            return null_if(ends.is_empty, _cursor_of(*end(ends)))

        return write

    def has_next(writing: Writing, _wanted: RequestedField, _place: Place) -> Json:
        return [Sql(f"CASE WHEN {writing.composer.account_ends(page).has_more} THEN 'true' ELSE 'false' END")]

    return {
        "hasNextPage": has_next,
        "hasPreviousPage": lambda *_: [Sql(writing.composer.parameter(writing.parameter(goes_on), "text"))],
        "startCursor": cursor(attrgetter("first")),
        "endCursor": cursor(attrgetter("last")),
    }


def _request(wanted: RequestedField, context: Context, arguments: Arguments) -> PageRequest:
    asked = arguments(wanted)
    page = PageArguments.of(asked.get("first"), asked.get("after"), None, None)
    return page.request(CURSOR, (str, str), context.services.limits)


def _page(writing: Writing, wanted: RequestedField) -> AccountPage:
    def bound(number: int) -> Value:
        def value(context: Context, arguments: Arguments) -> str | None:
            after = _request(wanted, context, arguments).after
            return None if after is None or number >= len(after) else after[number]

        return value

    def condition(number: int) -> Value:
        return argument(wanted, "filter", lambda asked: account_query(given(asked)).parameters()[number])

    limit = writing.parameter(lambda context, arguments: _request(wanted, context, arguments).limit)
    filters = range(_FILTER_PARAMETERS) if "filter" in wanted.arguments else ()
    bounds = range(4) if "after" in wanted.arguments else ()
    return AccountPage(
        limit,
        tuple(writing.parameter(condition(number)) for number in filters),
        tuple(writing.parameter(bound(number)) for number in bounds),
    )
