"""Rendering of a root field: runs the statement and locates the holes in its answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from graphql import GraphQLError
from msgspec.structs import replace

from core.call import Call
from core.errors import UpstreamError
from engine.rendering import Arguments, Filling, RenderedText, Rendering, RequestedField
from resolvers.context import Context
from resolvers.fields.connections import ConnectionRecord
from resolvers.fields.rendering import (
    Compilation,
    Opening,
    Statement,
    Texts,
    Unrendered,
    sql,
)

_REST_SECONDS: Final = 5.0

T = TypeVar("T")

Page = ConnectionRecord[Texts]


def rendering_of(make: Callable[[RequestedField, Compilation], Rendering], wanted: RequestedField) -> Rendering | None:
    """The rendering of the selection; None for one that only resolvers can answer."""
    try:
        return make(wanted, Compilation())
    except Unrendered:
        return None


class StatementRendering:
    """A statement, and the holes in its answer. At most `most_requests` run together, if the resolvers of all holes
    take the parents of several requests.
    """

    def __init__(self, compilation: Compilation, statement: Statement, most_requests: int) -> None:
        self._openings = compilation.openings
        self._statement = statement
        self._values = compilation.values(statement)
        self._unused = compilation.unused(statement)
        self._rests_until = 0.0
        resolvers = (opening.hole.wanted.plan.definition.list_resolver for opening in self._openings)
        self.most_requests = most_requests if all(hasattr(one, "joins_requests") for one in resolvers) else 1

    async def render(self, context: Context, arguments: Arguments) -> RenderedText | None:
        """Run the statement in half of the remaining time. After a failure the resolvers use the other half. They read
        each view separately, so that one failed view does not fail all fields. The statement is then not used for some
        seconds.
        """
        return await self._tried(context, partial(self._asked, context, arguments))

    def joins(self, context: Context, arguments: Arguments) -> bool:  # noqa: ARG002 - of any.
        return True

    async def render_together(self, context: Context, arguments: Sequence[Arguments]) -> list[RenderedText | None]:
        """Like `render`, for each request. Requests of one question share a statement (upstreams/erp/rendering)."""
        return list(await asyncio.gather(*(self.render(context, one) for one in arguments)))

    async def _tried(self, context: Context, ask: Callable[[Call], Awaitable[T]]) -> T | None:
        clock, deadline = context.services.clock, context.call.deadline
        if clock.monotonic() < self._rests_until:
            return None
        try:
            return await ask(replace(context.call, deadline=deadline.sooner(deadline.remaining() / 2)))
        except (Unrendered, GraphQLError):
            # The resolvers report a wrong argument.
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
