"""Rendering of Query.clients and Query.tradingAccounts."""

from collections.abc import Awaitable, Callable
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple

import msgspec
from typing_extensions import override

from core.call import Call
from engine.rendering import Arguments, PathStep, RenderedText, Rendering, RequestedField
from resolvers.context import Context
from resolvers.fields.connections import ConnectionRecord, page_request
from resolvers.fields.ids import Cursor
from resolvers.fields.rendering import (
    Clients,
    Compilation,
    Json,
    Known,
    Place,
    Row,
    Texts,
)
from resolvers.fields.statement_rendering import Page, StatementRendering, rendering_of
from upstreams.erp.list_statements import BY_TOTAL, ListOrder
from upstreams.erp.reader import AccountQuery, ClientQuery

ListOf = Callable[[Any, Any, Context], Awaitable[tuple[ClientQuery | AccountQuery, ListOrder, Cursor]]]
"""The list that the arguments `filter` and `orderBy` ask for. Raises BadUserInput and Forbidden."""


# The pages that run together, and their rows: a run stops all other requests while it builds its answers. Without holes
# pages run alone, because they would share only a statement, which they share anyway.
_MOST_PAGES: Final = 4
_LONGEST_JOINT: Final = 100


class Listed(NamedTuple):
    """The rows of a list: their columns, the parents of holes, and the place of the key in a row of texts."""

    list_of: ListOf
    row: Callable[[Compilation], Row]
    known: Callable[[], Known | None]
    key: slice


def page_of_clients(list_of: ListOf) -> Callable[[RequestedField], Rendering | None]:
    """Renderer of a page of clients."""
    listed = Listed(list_of, lambda compilation: compilation.builder.client, Clients, slice(0, 1))
    return partial(rendering_of, partial(_Page, listed))


def page_of_accounts(list_of: ListOf) -> Callable[[RequestedField], Rendering | None]:
    """Renderer of a page of accounts. A row has the columns of the account and of its client. Resolvers answer a page
    with fields that are not of these two.
    """
    listed = Listed(list_of, lambda _compilation: Row("c"), lambda: None, slice(-3, -1))
    return partial(rendering_of, partial(_Page, listed))


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


class _Page(StatementRendering):
    def __init__(self, listed: Listed, wanted: RequestedField, compilation: Compilation) -> None:
        texts = _Texts(listed)
        json = compilation.object(wanted, Place(texts, (PathStep(wanted),)))
        super().__init__(
            compilation, compilation.builder.statement(texts.texts), _MOST_PAGES if compilation.openings else 1
        )
        self._wanted = wanted
        self._listed = listed
        self._looks_ahead = texts.looks_ahead
        # The text of an edge has the cursor of the order by key.
        self._has_cursors = any(one.name == "cursor" for of in wanted.fields for one in of.fields)
        self._pieces = [one.texts if isinstance(one, _Piece) else partial(_literal, [one]) for one in json]

    @override
    def joins(self, context: Context, arguments: Arguments) -> bool:
        """Only short pages that share a statement: no page waits for the search of another one."""
        given = arguments(self._wanted)
        rows = given.get("first") or given.get("last") or context.services.limits.page_default
        return rows <= _LONGEST_JOINT and not given.get("filter") and not given.get("order_by")

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
