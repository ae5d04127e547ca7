"""One run for several requests: the same plan, with the root field of each request.

Each level has the objects of all requests, so that the work for a level is done once. A path begins with the number of
its request, and the error goes to this request without the number.

Only a rendered root field can run so (`Rendering.render_together`). What is unusual about a request is left to a run of
its own: a rendering that fails, a null that reaches beyond its hole, a limit that all requests together exceed.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from typing import Any, cast

from graphql import GraphQLError, located_error
from graphql.pyutils import Path
from typing_extensions import override

from engine.batching import Batcher
from engine.execution import Outcome, Run
from engine.field_plans import FieldPlan
from engine.markers import RunsAlone
from engine.output_shapes import NULLED
from engine.paths import FieldPaths, Paths, Segment
from engine.plan import Variant
from engine.rendering import Filling, HolePaths, JointRendering, RenderedText, RequestedField, fill_holes, join_parts
from engine.resolution import ValueResolver


class _RequestPath:
    """The root of one request's paths."""

    def __init__(self, number: int) -> None:
        self._path = Path(None, number, None)

    def path(self, index: int) -> Path | None:  # noqa: ARG002 - there is only one root.
        return self._path


class _JoinedPaths:
    """The paths of the values of one hole in all requests."""

    def __init__(self, fillings: Sequence[tuple[int, Filling]], key: str, type_name: str) -> None:
        self._fillings = fillings
        self._key = key
        self._type_name = type_name

    def path(self, index: int) -> Path | None:
        for number, filling in self._fillings:
            if index < len(filling.parents):
                root: Paths = FieldPaths(_RequestPath(number), self._key, self._type_name)
                return HolePaths(filling, root).path(index)
            index -= len(filling.parents)
        raise IndexError(index)


class JoinedRun(Run):
    """One run of a plan with one rendered root field. `resolvers` has the variables of each request."""

    def __init__(self, variant: Variant, resolvers: Sequence[ValueResolver], context: Any) -> None:
        super().__init__(variant, resolvers[0], context, {})
        assert variant.joint is not None, "the caller has asked for it"
        self._wanted = variant.joint.wanted
        self._rendering = cast("JointRendering", variant.joint.rendering)
        self._resolvers = resolvers
        self._located: list[list[GraphQLError]] = [[] for _ in resolvers]

    async def run_all(self) -> list[Outcome | None]:
        """The outcome of each request; None for a request that has to run alone. Raises what the rendering raises."""
        try:
            with closing(Batcher(self._context, {})) as batcher:
                arguments = [partial(arguments_for, resolver) for resolver in self._resolvers]
                texts = await self._rendering.render_together(self._context, arguments)
                await self._fill_all(texts, batcher)
        finally:
            self.release()
        key = self._wanted.key
        return [
            None if text is None else Outcome({key: join_parts(text.parts)}, errors)
            for text, errors in zip(texts, self._located, strict=True)
        ]

    async def _fill_all(self, texts: list[RenderedText | None], batcher: Batcher) -> None:
        """Fill the holes of all texts, one hole after another. The text of a request that has to run alone becomes
        None.
        """
        by_hole: dict[int, list[tuple[int, Filling]]] = {}
        for number, text in enumerate(texts):
            for filling in () if text is None else text.fillings:
                by_hole.setdefault(id(filling.hole), []).append((number, filling))
        for fillings in by_hole.values():
            await self._fill_hole(fillings, texts, batcher)

    async def _fill_hole(
        self, fillings: Sequence[tuple[int, Filling]], texts: list[RenderedText | None], batcher: Batcher
    ) -> None:
        wanted, field = self._wanted, fillings[0][1].hole.wanted.plan
        parents = list(chain.from_iterable(filling.parents for _, filling in fillings))
        paths = _JoinedPaths(fillings, wanted.key, wanted.type_name)
        values = await self._resolver.resolve(field, parents, paths, None)
        if any(isinstance(value, RunsAlone) for value in values):
            texts[:] = [None] * len(texts)
            return
        completed, is_nulled = await self._completer.complete(field, field.output, values, paths, batcher)
        start = 0
        for number, filling in fillings:
            own = completed[start : start + len(filling.parents)]
            start += len(own)
            text = texts[number]
            if is_nulled and any(value is NULLED for value in own):
                texts[number] = None
            elif text is not None:
                fill_holes(text.parts, filling, own)

    @override
    def _add_error(self, error: Exception, field: FieldPlan, path: list[Segment]) -> None:
        number, *located = path
        self._located[int(number)].append(located_error(error, field.nodes, located))


def arguments_for(resolver: ValueResolver, wanted: RequestedField) -> Mapping[str, Any]:
    return resolver.arguments(wanted.plan)
