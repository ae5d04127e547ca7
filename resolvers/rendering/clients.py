"""The fields of Query that are rendered: one client, and a page of them."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from core.call import Call
from core.errors import UpstreamError
from engine.rendering import Arguments, Filling, PathStep, RenderedText, Rendering, RequestedField
from resolvers.context import Context
from resolvers.fields.connections import ConnectionRecord
from resolvers.rendering.accounts import accounts
from resolvers.rendering.client import OWNER
from resolvers.rendering.compiler import Clients, Fields, Opening, Place, Unrendered, Writing, by_resolver
from resolvers.types.clients import CURSOR, clients_page, cursor_of_number
from resolvers.types.lookup_inputs import number_of
from upstreams.erp.rendering.reader import Texts
from upstreams.erp.rendering.sql_json import GIVEN_UP, HOLE, Json, base64url, hole, quoted
from upstreams.erp.rendering.statement import Statement


def _cursor(_writing: Writing, _wanted: RequestedField, place: Place) -> Json:
    begin = quoted(f'["{CURSOR}",')
    return base64url(f"{begin} || {place.row.column('client_number')}::text || ']'")


def _node(writing: Writing, wanted: RequestedField, place: Place) -> Json:
    return writing.object(wanted, _CLIENT, place.below(wanted))


_CLIENT: Final[Fields] = {**OWNER, "tradingAccounts": accounts, "live": by_resolver, "instructions": by_resolver}
_EDGE: Final[Fields] = {"cursor": _cursor, "node": _node}
_ELEMENTS: Final = {"nodes": _CLIENT, "edges": _EDGE}
_PAGE_INFO: Final = {
    "hasNextPage": "has_next_page",
    "hasPreviousPage": "has_previous_page",
    "startCursor": "start_cursor",
    "endCursor": "end_cursor",
}
_REST_SECONDS: Final = 5.0

Piece = Callable[[ConnectionRecord[Texts]], list[str]]
"""The value of one field of the connection, in parts that are to be joined by commas."""


def one_client(wanted: RequestedField) -> Rendering | None:
    """Query.client, by its number or id."""
    writing = Writing()
    place = Place(writing.composer.client, (PathStep(wanted),), Clients())
    try:
        return _One(wanted, writing, writing.composer.statement([writing.object(wanted, _CLIENT, place)]))
    except Unrendered:
        return None


def page_of_clients(wanted: RequestedField) -> Rendering | None:
    """Query.clients."""
    try:
        return _Page(wanted)
    except Unrendered:
        return None


class _Rendering:
    """A statement that is asked, and the holes in what it answers."""

    def __init__(self, writing: Writing, statement: Statement) -> None:
        self._openings = writing.openings
        self._statement = statement
        self._values = writing.values(statement)
        self._unused = writing.unused(statement)
        self._rests_until = 0.0

    async def render(self, context: Context, arguments: Arguments) -> RenderedText | None:
        """Where the statement fails, a single view may be the cause. The resolvers, which read each view by itself,
        have half of
        the time left to answer without that view. Nor is the statement asked again for a while.
        """
        clock, deadline = context.services.clock, context.call.deadline
        if clock.monotonic() < self._rests_until:
            return None
        call = replace(context.call, deadline=deadline.sooner(deadline.remaining() / 2))
        try:
            return await self._asked(context, arguments, call)
        except UpstreamError:
            self._rests_until = clock.monotonic() + _REST_SECONDS
            return None

    async def _asked(self, context: Context, arguments: Arguments, call: Call) -> RenderedText | None:
        raise NotImplementedError

    def _parameters(self, context: Context, arguments: Arguments) -> tuple[Any, ...]:
        for value in self._unused:
            # The arguments of a page that is not rendered must be valid as well.
            value(context, arguments)
        return tuple([value(context, arguments) for value in self._values])

    def _rendered(
        self, text: str, rows: Sequence[Texts], record: ConnectionRecord[Texts] | None
    ) -> RenderedText | None:
        if GIVEN_UP in text:
            return None
        parts = text.split(HOLE) if self._openings else [text]
        fillings = []
        for number, opening in enumerate(self._openings):
            places = _places(parts, number, alone=len(self._openings) == 1)
            known = opening.known
            parents = [record] if known is None else known.parents(self._statement, rows, len(places))
            if parents is None:
                return None
            if places:
                fillings.append(Filling(opening.hole, parents, places, partial(self._lengths, opening, number, rows)))
        return RenderedText(parts, fillings)

    def _lengths(self, opening: Opening, number: int, rows: Sequence[Texts]) -> list[list[int]]:
        """How many elements each list on the way to a hole has: the clients, then each client's accounts."""
        path, mark, end = opening.hole.path, hole(number), 1 + len(self._statement.texts)
        by_list = [[sum(text.count(mark) for text in islice(row, 1, end)) for row in rows]]
        if path[0].wanted.name == "clients":
            by_list.insert(0, [len(rows)])
        return by_list[: sum(step.is_list for step in path)]


def _places(parts: Sequence[str], number: int, *, alone: bool) -> Sequence[int]:
    """The parts that are holes with this number."""
    holes = range(1, len(parts), 2)
    if alone:
        return holes
    wanted = str(number)
    return [place for place in holes if parts[place] == wanted]


class _One(_Rendering):
    def __init__(self, wanted: RequestedField, writing: Writing, statement: Statement) -> None:
        super().__init__(writing, statement)
        self._wanted = wanted

    @override
    async def _asked(self, context: Context, arguments: Arguments, call: Call) -> RenderedText | None:
        number = number_of(arguments(self._wanted)["by"])
        if number is None:
            return None
        parameters = self._parameters(context, arguments)
        visible, texts = context.caller.visible, context.services.upstreams.texts
        found = (await texts.by_number(self._statement, parameters, [number], visible, call)).get(number)
        return RenderedText(["null"]) if found is None else self._rendered(found[1], [found], None)


class _Page(_Rendering):
    def __init__(self, wanted: RequestedField) -> None:
        self._wanted = wanted
        self._texts: list[Json] = []
        self._looks_ahead = any(one.name == "pageInfo" for one in wanted.fields)
        writing = Writing()
        self._pieces = [self._member(writing, one) for one in wanted.fields]
        super().__init__(writing, writing.composer.statement(self._texts))

    @override
    async def _asked(self, context: Context, arguments: Arguments, call: Call) -> RenderedText | None:
        request, query = clients_page(context, **arguments(self._wanted))
        parameters = self._parameters(context, arguments)
        page = await context.services.upstreams.texts.page(
            self._statement,
            parameters,
            query,
            request,
            context.caller.visible,
            call,
            looks_ahead=self._looks_ahead,
        )
        record = ConnectionRecord(page, request, _cursor_of, None, query)
        return self._rendered(self._joined(record), page.rows, record)

    def _joined(self, record: ConnectionRecord[Texts]) -> str:
        """Elements and members alike, at once: an answer may be as long as a book, and each f-string would copy it."""
        texts: list[str] = []
        for begin, value, end in self._pieces:
            first, *others = value(record) or [""]
            texts += [begin + first, *others]
            texts[-1] += end
        if not texts:
            return "{}"
        texts[0] = "{" + texts[0]
        texts[-1] += "}"
        return ",".join(texts)

    def _member(self, writing: Writing, wanted: RequestedField) -> tuple[str, Piece, str]:
        """What stands before the value, the value, and what stands behind it."""
        name = f'"{wanted.key}":'
        path = (PathStep(self._wanted),)
        if wanted.name in _ELEMENTS:
            place = Place(writing.composer.client, (*path, PathStep(wanted, is_list=True)), Clients())
            self._texts.append(writing.object(wanted, _ELEMENTS[wanted.name], place))
            return f"{name}[", _texts_of(len(self._texts)), "]"
        if wanted.name == "pageInfo":
            return name, _page_info(wanted), ""
        if wanted.name == "totalCount":
            said = writing.left_open(wanted, path, None)
        elif wanted.name == "__typename":
            said = f'"{wanted.type_name}"'
        else:
            raise Unrendered(wanted.name)
        return name + said, lambda _record: [], ""


def _texts_of(number: int) -> Piece:
    return lambda record: [row[number] for row in record.nodes]


def _page_info(wanted: RequestedField) -> Piece:
    names = [(one.key, _PAGE_INFO.get(one.name)) for one in wanted.fields]

    def said(record: ConnectionRecord[Texts]) -> list[str]:
        info = record.page_info
        found = {key: "PageInfo" if name is None else getattr(info, name) for key, name in names}
        return [msgspec.json.encode(found).decode()]

    return said


def _cursor_of(row: Texts) -> str:
    return cursor_of_number(row[0])
