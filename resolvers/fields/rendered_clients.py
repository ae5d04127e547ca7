"""Rendering of Query.client, Query.clients and Query.tradingAccounts: runs the statement and locates the holes in its
answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from core.call import Call
from core.errors import UpstreamError
from engine.rendering import Arguments, Filling, PathStep, RenderedText, Rendering, RequestedField
from resolvers.context import Context
from resolvers.fields.connections import ConnectionRecord, page_request
from resolvers.fields.ids import Cursor
from resolvers.fields.rendering import (
    Clients,
    Compilation,
    Json,
    Known,
    Opening,
    Place,
    Row,
    Statement,
    Texts,
    Unrendered,
    sql,
)
from upstreams.erp.list_statements import BY_TOTAL, ListOrder
from upstreams.erp.reader import AccountQuery, ClientQuery

_REST_SECONDS: Final = 5.0

Page = ConnectionRecord[Texts]
ListOf = Callable[[Any, Any, Context], Awaitable[tuple[ClientQuery | AccountQuery, ListOrder, Cursor]]]
"""The list that the arguments `filter` and `orderBy` ask for. Raises BadUserInput and Forbidden."""


class Listed(NamedTuple):
    """The rows of a list: their columns, the parents of holes, and the place of the key in a row of texts."""

    list_of: ListOf
    row: Callable[[Compilation], Row]
    known: Callable[[], Known | None]
    key: slice


def one_client(number_of: Callable[[Any], int | None]) -> Callable[[RequestedField], Rendering | None]:
    """Renderer of one client. `number_of(by)` is None for a client that is not selected by its number or id."""
    return partial(_rendering, partial(_One, number_of))


def page_of_clients(list_of: ListOf) -> Callable[[RequestedField], Rendering | None]:
    """Renderer of a page of clients."""
    listed = Listed(list_of, lambda compilation: compilation.builder.client, Clients, slice(0, 1))
    return partial(_rendering, partial(_Page, listed))


def page_of_accounts(list_of: ListOf) -> Callable[[RequestedField], Rendering | None]:
    """Renderer of a page of accounts. A row has the columns of the account and of its client. Resolvers answer a page
    with fields that are not of these two.
    """
    listed = Listed(list_of, lambda _compilation: Row("c"), lambda: None, slice(-3, -1))
    return partial(_rendering, partial(_Page, listed))


def _rendering(make: Callable[[RequestedField, Compilation], Rendering], wanted: RequestedField) -> Rendering | None:
    try:
        return make(wanted, Compilation())
    except Unrendered:
        return None


class _Rendering:
    """A statement, and the holes in its answer."""

    def __init__(self, compilation: Compilation, statement: Statement) -> None:
        self._openings = compilation.openings
        self._statement = statement
        self._values = compilation.values(statement)
        self._unused = compilation.unused(statement)
        self._rests_until = 0.0

    async def render(self, context: Context, arguments: Arguments) -> RenderedText | None:
        """Run the statement in half of the remaining time. After a failure the resolvers use the other half. They read
        each view separately, so that one failed view does not fail all fields. The statement is then not used for some
        seconds.
        """
        clock, deadline = context.services.clock, context.call.deadline
        if clock.monotonic() < self._rests_until:
            return None
        call = replace(context.call, deadline=deadline.sooner(deadline.remaining() / 2))
        try:
            return await self._asked(context, arguments, call)
        except Unrendered:
            return None
        except UpstreamError:
            self._rests_until = clock.monotonic() + _REST_SECONDS
            return None

    async def _asked(self, context: Context, arguments: Arguments, call: Call) -> RenderedText | None:
        raise NotImplementedError

    def _parameters(self, context: Context, arguments: Arguments) -> tuple[Any, ...]:
        once = _once(arguments)
        for value in self._unused:
            # The arguments of a page that the statement does not read must be valid as well.
            value(context, once)
        return tuple([value(context, once) for value in self._values])

    def _rendered(self, text: str, rows: Sequence[Texts], page: Page | None) -> RenderedText | None:
        if sql.UNRENDERED in text:
            return None
        parts = text.split(sql.HOLE) if self._openings else [text]
        fillings = []
        for number, opening in enumerate(self._openings):
            places = _places(parts, number, alone=len(self._openings) == 1)
            known = opening.known
            parents = [page] if known is None else known.parents(self._statement, rows, len(places))
            if parents is None:
                return None
            if places:
                fillings.append(Filling(opening.hole, parents, places, partial(self._lengths, opening, number, rows)))
        return RenderedText(parts, fillings)

    def _lengths(self, opening: Opening, number: int, rows: Sequence[Texts]) -> list[list[int]]:
        """The lengths of the lists on the path to a hole: the clients, then each client's accounts."""
        path, mark, end = opening.hole.path, sql.hole(number), 1 + len(self._statement.texts)
        by_list = [[sum(text.count(mark) for text in islice(row, 1, end)) for row in rows]]
        if path[0].wanted.name == "clients":
            by_list.insert(0, [len(rows)])
        return by_list[: sum(step.is_list for step in path)]


def _once(arguments: Arguments) -> Arguments:
    """Convert the arguments of a field once. Several parameters of a statement may come from one argument."""
    known: dict[int, Mapping[str, Any]] = {}

    def of(wanted: RequestedField) -> Mapping[str, Any]:
        found = known.get(id(wanted))
        if found is None:
            found = known[id(wanted)] = arguments(wanted)
        return found

    return of


def _places(parts: Sequence[str], number: int, *, alone: bool) -> Sequence[int]:
    """The parts that are holes with this number."""
    holes = range(1, len(parts), 2)
    if alone:
        return holes
    wanted = str(number)
    return [place for place in holes if parts[place] == wanted]


class _One(_Rendering):
    def __init__(
        self, number_of: Callable[[Any], int | None], wanted: RequestedField, compilation: Compilation
    ) -> None:
        json = compilation.object(wanted, Place(compilation.builder.client, (PathStep(wanted),), Clients()))
        super().__init__(compilation, compilation.builder.statement([json]))
        self._wanted = wanted
        self._number_of = number_of

    @override
    async def _asked(self, context: Context, arguments: Arguments, call: Call) -> RenderedText | None:
        number = self._number_of(arguments(self._wanted)["by"])
        if number is None:
            return None
        parameters = self._parameters(context, arguments)
        visible, texts = context.caller.visible, context.services.upstreams.texts
        found = (await texts.by_number(self._statement, parameters, [number], visible, call)).get(number)
        return RenderedText(["null"]) if found is None else self._rendered(found[1], [found], None)


class _Piece(str):
    """A part of the JSON that Python makes from the page in each run."""

    __slots__ = ("texts",)
    texts: Callable[[Page], list[str]]


def _piece(texts: Callable[[Page], list[str]]) -> _Piece:
    piece = _Piece()
    piece.texts = texts
    return piece


class _Texts:
    """The row of the connection's place: the texts that the statement makes for each row of the list."""

    def __init__(self, listed: Listed) -> None:
        self._listed = listed
        self.texts: list[Json] = []
        self.looks_ahead = False

    def elements(self, compilation: Compilation, wanted: RequestedField, place: Place) -> Json:
        path = (*place.path, PathStep(wanted, is_list=True))
        place = Place(self._listed.row(compilation), path, self._listed.known())
        self.texts.append(compilation.object(wanted, place))
        return ["[", _piece(partial(_elements, len(self.texts))), "]"]

    def total_count(self, compilation: Compilation, wanted: RequestedField, place: Place) -> Json:
        return [compilation.hole(wanted, place.path, None)]

    def column(self, name: str) -> str:
        self.looks_ahead = True
        return _piece(lambda page: [msgspec.json.encode(getattr(page.page_info, name)).decode()])


def _elements(number: int, page: Page) -> list[str]:
    """The texts of all rows with commas between them, as a list, so that a long answer is joined only once."""
    texts = [","] * (2 * len(page.nodes) - 1)
    texts[::2] = [row[number] for row in page.nodes]
    return texts


class _Page(_Rendering):
    def __init__(self, listed: Listed, wanted: RequestedField, compilation: Compilation) -> None:
        texts = _Texts(listed)
        json = compilation.object(wanted, Place(texts, (PathStep(wanted),)))
        super().__init__(compilation, compilation.builder.statement(texts.texts))
        self._wanted = wanted
        self._listed = listed
        self._looks_ahead = texts.looks_ahead
        # The text of an edge has the cursor of the order by key.
        self._has_cursors = any(one.name == "cursor" for of in wanted.fields for one in of.fields)
        self._pieces = [one.texts if isinstance(one, _Piece) else partial(_literal, [one]) for one in json]

    @override
    async def _asked(self, context: Context, arguments: Arguments, call: Call) -> RenderedText | None:
        given = arguments(self._wanted)
        query, order, cursors = await self._listed.list_of(given.get("filter"), given.get("order_by"), context)
        if order.column == BY_TOTAL.column or (order.column and self._has_cursors):
            return None
        request = page_request(given, cursors, context.services.limits)
        parameters = self._parameters(context, arguments)
        rows = await context.services.upstreams.texts.page(
            self._statement,
            parameters,
            query,
            order,
            request,
            context.caller.visible,
            call,
            looks_ahead=self._looks_ahead,
        )
        cursor_of = partial(self._cursor_of, cursors, order)
        page = ConnectionRecord(rows, request, cursor_of, None, query)
        text = "".join(chain.from_iterable(piece(page) for piece in self._pieces))
        return self._rendered(text, rows.rows, page)

    def _cursor_of(self, cursors: Cursor, order: ListOrder, row: Texts) -> str:
        return cursors.encode(*(row[-1:] if order.column else ()), *row[self._listed.key])


def _literal(texts: list[str], _page: Page) -> list[str]:
    return texts
