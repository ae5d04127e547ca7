"""One run for several requests: the same plan, with the root field of each request.

Each level has the objects of all requests, so that the work for a level is done once. A path begins with the number of
its request, and the error goes to this request without the number.

- Only a rendered root field can run so (joint_field.py).
- No request waits for a source that it does not ask. Its outcome is delivered as soon as the calls for its own parents
  have ended (source_calls.py).
- What is unusual about a request is left to a run of its own: a rendering that fails, or a null that reaches beyond its
  hole.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from typing import Any

from graphql import GraphQLError, located_error
from graphql.pyutils import Path
from typing_extensions import override

from engine.batching import Batcher
from engine.execution import Outcome, Run
from engine.field_plans import FieldPlan
from engine.joint_field import JointField
from engine.output_shapes import NULLED
from engine.paths import FieldPaths, Paths, RootPath, Segment
from engine.plan import Variant
from engine.rendering import Filling, HolePaths, RenderedText, RequestedField, fill_holes, join_parts
from engine.resolution import ValueResolver
from engine.source_calls import RequestHole, SourceCall, plan_calls

Deliver = Callable[[int, Outcome | None], None]
"""Called once for each request, with its number and its outcome; None for a request that has to run alone."""


class _RequestPath:
    """The root of one request's paths."""

    def __init__(self, number: int) -> None:
        self._path = Path(None, number, None)

    def path(self, index: int) -> Path | None:  # noqa: ARG002 - there is only one root.
        return self._path


class _JointPaths:
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


class JointRun(Run):
    """One run of a plan with one rendered root field. `resolvers` has the variables of each request."""

    def __init__(
        self, variant: Variant, joint: JointField, resolvers: Sequence[ValueResolver], context: Any, deliver: Deliver
    ) -> None:
        super().__init__(variant, resolvers[0], context, {})
        self._joint = joint
        self._resolvers = resolvers
        self._deliver = deliver
        self._located: list[list[GraphQLError]] = [[] for _ in resolvers]

    async def run_all(self) -> None:
        """Deliver the outcome of each request. Raises what the rendering raises."""
        try:
            arguments = [partial(arguments_for, resolver) for resolver in self._resolvers]
            texts = await self._joint.rendering.render_together(self._context, arguments)
            await self._fill_all(dict(enumerate(texts)))
        finally:
            self.release()

    async def _fill_all(self, texts: dict[int, RenderedText | None]) -> None:
        holes = self._find_holes(texts)
        waiting = {number: {call for hole in own for call in hole.calls} for number, own in holes.items()}
        for number in texts.keys() - holes.keys():
            self._end(number, texts[number])
        calls = dict.fromkeys(call for own in holes.values() for hole in own for call in hole.calls)
        tasks = {asyncio.create_task(self._ask(call)) for call in calls}
        ended: set[SourceCall] = set()
        try:
            while waiting:
                done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                ended |= {task.result() for task in done}
                ready = [number for number, calls in waiting.items() if calls <= ended]
                for number in ready:
                    del waiting[number]
                await self._fill([hole for number in ready for hole in holes[number]], texts)
                for number in ready:
                    self._end(number, texts[number])
        finally:
            for task in tasks:
                task.cancel()

    def _find_holes(self, texts: Mapping[int, RenderedText | None]) -> dict[int, list[RequestHole]]:
        """The holes by the number of the request."""
        by_hole: dict[int, list[tuple[int, Filling]]] = {}
        for number, text in texts.items():
            for filling in () if text is None else text.fillings:
                by_hole.setdefault(id(filling.hole), []).append((number, filling))
        found: dict[int, list[RequestHole]] = {}
        for fillings in by_hole.values():
            for hole in plan_calls(fillings, self._context):
                found.setdefault(hole.number, []).append(hole)
        return found

    async def _ask(self, call: SourceCall) -> SourceCall:
        call.values = await self._resolver.resolve(call.plan, call.parents, RootPath(), None)
        return call

    async def _fill(self, holes: Iterable[RequestHole], texts: dict[int, RenderedText | None]) -> None:
        """Fill these holes. The text of a request that has to run alone becomes None."""
        by_plan: dict[int, list[RequestHole]] = {}
        for hole in holes:
            by_plan.setdefault(id(hole.filling.hole), []).append(hole)
        with closing(Batcher(self._context, {})) as batcher:
            for equal in by_plan.values():
                await self._fill_equal(equal, texts, batcher)

    async def _fill_equal(
        self, holes: Sequence[RequestHole], texts: dict[int, RenderedText | None], batcher: Batcher
    ) -> None:
        """Fill one hole of several requests."""
        plan = holes[0].filling.hole.wanted.plan
        values = list(chain.from_iterable(hole.values() for hole in holes))
        paths = _JointPaths(
            [(hole.number, hole.filling) for hole in holes], self._joint.wanted.key, self._joint.wanted.type_name
        )
        completed, is_nulled = await self._completer.complete(plan, plan.output, values, paths, batcher)
        start = 0
        for hole in holes:
            own = completed[start : start + len(hole.places)]
            start += len(own)
            text = texts[hole.number]
            if is_nulled and any(value is NULLED for value in own):
                texts[hole.number] = None
            elif text is not None:
                fill_holes(text.parts, hole.filling, own)

    def _end(self, number: int, text: RenderedText | None) -> None:
        if text is None:
            self._deliver(number, None)
        else:
            self._deliver(number, Outcome({self._joint.wanted.key: join_parts(text.parts)}, self._located[number]))

    @override
    def _add_error(self, error: Exception, field: FieldPlan, path: list[Segment]) -> None:
        number, *located = path
        self._located[int(number)].append(located_error(error, field.nodes, located))


def arguments_for(resolver: ValueResolver, wanted: RequestedField) -> Mapping[str, Any]:
    return resolver.arguments(wanted.plan)
