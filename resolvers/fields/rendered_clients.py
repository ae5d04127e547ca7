"""Rendering of Query.client."""

from collections.abc import Callable
from functools import partial
from typing import Any

from typing_extensions import override

from core.call import Call
from engine.rendering import Arguments, PathStep, RenderedText, Rendering, RequestedField
from resolvers.context import Context
from resolvers.fields.rendering import (
    Clients,
    Compilation,
    Place,
)
from resolvers.fields.statement_rendering import StatementRendering, rendering_of


def one_client(number_of: Callable[[Any], int | None]) -> Callable[[RequestedField], Rendering | None]:
    """Renderer of one client. `number_of(by)` is None for a client that is not selected by its number or id."""
    return partial(rendering_of, partial(_One, number_of))


class _One(StatementRendering):
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
