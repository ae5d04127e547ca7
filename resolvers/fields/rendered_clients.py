"""Rendering of Query.client."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from graphql import GraphQLError
from typing_extensions import override

from core.call import Call
from engine.rendering import Arguments, PathStep, RenderedText, Rendering, RequestedField
from resolvers.context import Context
from resolvers.fields.rendering import (
    Clients,
    Compilation,
    Place,
    Texts,
)
from resolvers.fields.statement_rendering import StatementRendering, rendering_of


def one_client(number_of: Callable[[Any], int | None]) -> Callable[[RequestedField], Rendering | None]:
    """Renderer of one client. `number_of(by)` is None for a client that is not selected by its number or id."""
    return partial(rendering_of, partial(_One, number_of))


# With more clients, the first of the requests would wait long for its answer.
_MOST_CLIENTS: Final = 16


class _One(StatementRendering):
    def __init__(
        self, number_of: Callable[[Any], int | None], wanted: RequestedField, compilation: Compilation
    ) -> None:
        json = compilation.object(wanted, Place(compilation.builder.client, (PathStep(wanted),), Clients()))
        super().__init__(compilation, compilation.builder.statement([json]), _MOST_CLIENTS)
        self._wanted = wanted
        self._number_of = number_of

    @override
    async def _asked(self, context: Context, arguments: Arguments, call: Call) -> RenderedText | None:
        [text] = await self._clients(context, [arguments], call)
        return text

    @override
    async def render_together(self, context: Context, arguments: Sequence[Arguments]) -> list[RenderedText | None]:
        """One statement for all requests."""
        texts = await self._tried(context, partial(self._clients, context, arguments))
        return [None] * len(arguments) if texts is None else texts

    async def _clients(self, context: Context, arguments: Sequence[Arguments], call: Call) -> list[RenderedText | None]:
        numbers = [self._number(one) for one in arguments]
        wanted = [number for number in dict.fromkeys(numbers) if number is not None]
        if not wanted:
            return [None] * len(numbers)
        # The parameters come from the fields below, which are equal in all requests.
        parameters = self._parameters(context, arguments[0])
        visible, texts = context.caller.visible, context.services.upstreams.texts
        found = await texts.by_number(self._statement, parameters, wanted, visible, call)
        return [None if number is None else self._text(found.get(number)) for number in numbers]

    def _number(self, arguments: Arguments) -> int | None:
        """None also for an argument that is wrong: the resolver reports it."""
        try:
            return self._number_of(arguments(self._wanted)["by"])
        except GraphQLError:
            return None

    def _text(self, row: Texts | None) -> RenderedText | None:
        return RenderedText(["null"]) if row is None else self._rendered(row[1], [row], None)
