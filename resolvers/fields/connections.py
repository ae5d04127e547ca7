"""Relay connections over keyset pages."""

import asyncio
import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, update_wrapper
from operator import attrgetter
from types import GenericAlias
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry import UNSET

from core.keyset import Page, PageRequest
from resolvers.context import GraphLimits
from resolvers.fields.declare import ListResolver, field, is_a, many
from resolvers.fields.ids import Cursor
from resolvers.fields.rendering import INNER, column, rendered, sql
from resolvers.policy.authorization import VALUE, public
from resolvers.policy.directives import Upstream, needs
from resolvers.policy.errors import BadUserInput
from resolvers.policy.scopes import Scope

T = TypeVar("T")

# Relay's four arguments, which every list of the graph has.
_ARGUMENTS = {
    name: inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=UNSET,
        annotation=Annotated[type_ | None, strawberry.argument(description=description)],
    )
    for name, type_, description in (
        ("first", int, "How many from the beginning, or after `after`."),
        ("after", str, "Only what follows this cursor."),
        ("last", int, "How many from the end, or before `before`."),
        ("before", str, "Only what comes before this cursor."),
    )
}


@public(VALUE)
@strawberry.type(description="The place of a page in its list (Relay).")
class PageInfo:
    has_next_page: bool = field("Whether the list has elements after this page.", column(sql.given, "has_next_page"))
    has_previous_page: bool = field(
        "Whether the list has elements before this page.", column(sql.given, "has_previous_page")
    )
    start_cursor: str | None = field(
        "Cursor of the first element; null on an empty page.", column(sql.given, "start_cursor")
    )
    end_cursor: str | None = field(
        "Cursor of the last element; null on an empty page.", column(sql.given, "end_cursor")
    )


@dataclass(frozen=True, slots=True)
class EdgeRecord(Generic[T]):
    cursor: str
    node: T


@dataclass(frozen=True)
class ConnectionRecord(Generic[T]):
    """A page in the form of Relay's specification. The total is counted by `owner` and `query`."""

    page: Page[T]
    request: PageRequest
    cursor_of: Callable[[T], str]
    owner: Any
    query: Any
    as_of: datetime | None = None
    """The time of the snapshot that gave the order; None for an exact order."""
    ends: tuple[str, str] | None = None
    """The cursors of the ends of the page, if rows at its ends may be left out."""

    @property
    def nodes(self) -> Sequence[T]:
        return self.page.rows

    @cached_property
    def edges(self) -> list[EdgeRecord[T]]:
        return [EdgeRecord(self.cursor_of(row), row) for row in self.page.rows]

    @cached_property
    def page_info(self) -> PageInfo:
        rows, request, more = self.page.rows, self.request, self.page.has_more
        # A cursor was made from an element, so that there is an element on the other side of the cursor.
        return PageInfo(
            has_next_page=request.before is not None or (more and not request.backward),
            has_previous_page=request.after is not None or (more and request.backward),
            start_cursor=self.ends[0] if self.ends else self.cursor_of(rows[0]) if rows else None,
            end_cursor=self.ends[1] if self.ends else self.cursor_of(rows[-1]) if rows else None,
        )


def page_request(arguments: Mapping[str, Any], order: Cursor, limits: GraphLimits) -> PageRequest:
    """The page to read, by Relay's arguments. A null argument means the same as a missing argument. Raises BadUserInput
    for sizes out of bounds, `first` together with `last`, and cursors of other lists.
    """
    first, after, last, before = (given(arguments.get(name)) for name in _ARGUMENTS)
    if first is not None and last is not None:
        raise BadUserInput("first and last must not be given together.")
    limit, name = (last, "last") if last is not None else (first, "first")
    if limit is not None and not 1 <= limit <= limits.page_max:
        raise BadUserInput(f"{name} must be from 1 to {limits.page_max}; got {limit}.")
    return PageRequest(
        limit=limits.page_default if limit is None else limit,
        after=None if after is None else order.decode(after),
        before=None if before is None else order.decode(before),
        backward=last is not None,
    )


def paged(
    order: Cursor | Callable[[Mapping[str, Any]], Cursor], resolve: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Any]]:
    """The list or root resolver, where Relay's four arguments replace its parameter `request`, the PageRequest. `order`
    gives the cursors, for a list with a choice of orders from its arguments.
    """

    async def read(*leading: Any, **arguments: Any) -> Any:
        # A root resolver gets an Info, a list resolver the context.
        context = getattr(leading[-1], "context", leading[-1])
        cursors = order if isinstance(order, Cursor) else order(arguments)
        request = page_request(arguments, cursors, context.services.limits)
        found = await resolve(*leading, request, **{k: v for k, v in arguments.items() if k not in _ARGUMENTS})
        if context.call.reads is not None:
            for connection in found if isinstance(found, list) else [found]:
                context.note_read(connection.page.rows)
        return found

    parameters = list(inspect.signature(resolve).parameters.values())
    [at] = [number for number, parameter in enumerate(parameters) if parameter.name == "request"]
    parameters[at : at + 1] = _ARGUMENTS.values()
    update_wrapper(read, resolve)
    read.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return read


_ELEMENTS = rendered(lambda compilation, wanted, place: place.row.elements(compilation, wanted, place))
_EXACT = rendered(lambda _compilation, _wanted, _place: ["null"])  # No order by a snapshot is rendered.
_TOTAL_COUNT = rendered(lambda compilation, wanted, place: place.row.total_count(compilation, wanted, place))


def connection_of(  # noqa: PLR0913 - each is one fact about the list.
    element: type,
    plural: str,
    order: Cursor,
    totals: ListResolver | None,
    *,
    upstream: Upstream | None = None,
    scope: Scope,
    dated: bool = False,
) -> Any:
    """The type of a page of these elements, with its edges. `totals` counts the whole lists of some connections, at
    `upstream`. None: the connection has no total. `dated`: whether the list has an order by a snapshot.
    """
    name: str = element.__strawberry_definition__.name  # type: ignore[attr-defined]

    @strawberry.type(name=f"{name}Edge", description=f"An element of a page of {plural}.", directives=[needs(scope)])
    class Edge:
        cursor: str = field("The cursor of the element.", column(order.sql, *order.names))
        node: Any = field("The element.", INNER, graphql_type=element)
        is_type_of = is_a(EdgeRecord)

    @strawberry.type(name=f"{name}Connection", description=f"A page of {plural}.", directives=[needs(scope)])
    class Connection:
        edges: Any = field(f"The {plural} with their cursors.", _ELEMENTS, graphql_type=GenericAlias(list, Edge))
        nodes: Any = field(f"The {plural}.", _ELEMENTS, graphql_type=GenericAlias(list, element))
        page_info: PageInfo = field("The place of this page in the list.", INNER)
        if totals is not None and upstream is not None:
            total_count = many(
                totals,
                returns=int | None,
                key=attrgetter("owner", "query"),
                description=f"The number of {plural} on all pages. It costs a separate statement, which is sent only "
                f"if this field is selected.",
                upstreams=[upstream],
                rendering=_TOTAL_COUNT,
            )
        if dated:
            as_of: datetime | None = field(
                "The time of the snapshot that gave the order of this page; null for an exact order.", _EXACT
            )
        is_type_of = is_a(ConnectionRecord)

    return Connection


async def counted(
    connections: Sequence[ConnectionRecord[Any]], count: Callable[[Any, list[Any]], Awaitable[Mapping[Any, int]]]
) -> list[int | BaseException]:
    """The number of elements of each connection's whole list, by one statement for all owners with equal queries."""
    owners: defaultdict[Any, list[Any]] = defaultdict(list)
    for connection in connections:
        owners[connection.query].append(connection.owner)
    totals = await asyncio.gather(*(count(query, asked) for query, asked in owners.items()))
    found = dict(zip(owners, totals, strict=True))
    return [found[connection.query][connection.owner] for connection in connections]


def given(value: T | None) -> T | None:
    """The argument's value; None if the argument is missing or null."""
    return None if value is UNSET else value


def all_of(values: Sequence[T] | None) -> tuple[T, ...] | None:
    """The argument's list, which then can be a key; None if the argument is missing or null."""
    return None if given(values) is None else tuple(values or ())
