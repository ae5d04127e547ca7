"""Execution of a plan, level by level: each field once for all objects of its level."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

import msgspec
from graphql import GraphQLError, located_error
from graphql.pyutils import Path

from engine.batching import Batcher
from engine.completion import Completer
from engine.field_plans import FieldPlan
from engine.lists import CompletedValues
from engine.output_shapes import NULLED, Kind
from engine.paths import FieldPaths, Paths, RootPath, Segment, path_as_list
from engine.plan import Selection, Variant
from engine.rendering import Filling, HolePaths, PlannedRendering, RenderedText, RequestedField, fill_holes, join_parts
from engine.resolution import ValueResolver, attributes, await_all, has_awaitable

log = logging.getLogger(__name__)

# The coordinates that this caller may not read ("Client.balances"), with the error for each.
Refusals = Mapping[str, Exception]
# Measures a level: called with the name of its type and the number of its objects.
LevelSpan = Callable[[str, int], AbstractContextManager[object]]


class Outcome(msgspec.Struct, frozen=True):
    """Result of a run. `data` is None if a required root field failed. Errors are located, in no order."""

    data: dict[str, Any] | None
    errors: list[GraphQLError]


class Run:
    """One run of a plan, for one request."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a run.
        self,
        variant: Variant,
        resolver: ValueResolver,
        context: Any,
        refused: Refusals,
        type_resolver: Any = None,
        level_span: LevelSpan | None = None,
        *,
        rendered: bool = True,
    ) -> None:
        self._variant = variant
        self._level_span = level_span
        self._type_resolver = type_resolver
        self._renderings = variant.renderings if rendered else {}
        self._call_counts = variant.call_counts if rendered else {}
        self._resolver = resolver
        self._context = context
        self._refused = refused
        self._errors: list[GraphQLError] = []
        self._run_level = self.run_level if level_span is None else self._run_measured
        self._completer = Completer(resolver, variant.select, self._run_level, self._report, type_resolver)

    async def run(self, root: Any, *, serially: bool) -> Outcome:
        try:
            return await (self._run_serially(root) if serially else self._run_concurrently(root))
        finally:
            self.release()

    def release(self) -> None:
        """Break the cycles between the run, its method and its completer, so that memory is released without a garbage
        collection.
        """
        del self._completer, self._run_level

    async def _run_concurrently(self, root: Any) -> Outcome:
        with closing(Batcher(self._context, self._call_counts)) as batcher:
            rows, _ = await self._run_level(self._variant.root, [root], RootPath(), batcher)
        return Outcome(None if rows[0] is NULLED else rows[0], self._errors)

    async def _run_serially(self, root: Any) -> Outcome:
        """Run mutations in order, until a required one fails.

        Each mutation has its own batcher, because data that was read before the mutation may be stale.
        """
        data: dict[str, Any] = {}
        for selection in self._variant.serial:
            with closing(Batcher(self._context, {})) as batcher:
                rows, _ = await self._run_level(selection, [root], RootPath(), batcher)
            if rows[0] is NULLED:
                return Outcome(None, self._errors)
            data.update(rows[0])
        return Outcome(data, self._errors)

    async def run_level(
        self, selection: Selection, objects: Sequence[Any], paths: Paths, batcher: Batcher
    ) -> CompletedValues:
        """Build the dictionaries of one type's objects at one place. An object is NULLED if a required field failed."""
        columns, has_nulled = await self._resolve_columns(selection, objects, paths, batcher)
        if not has_nulled and not (self._refused and selection.inline.intersection(self._refused)):
            rows = selection.builder.build_generated(objects, columns)
            if rows is not None:
                return rows, False
        return await self._build_interpreted(selection, objects, columns, paths)

    async def _run_measured(
        self, selection: Selection, objects: Sequence[Any], paths: Paths, batcher: Batcher
    ) -> CompletedValues:
        assert self._level_span is not None
        with self._level_span(selection.type.name, len(objects)):
            return await self.run_level(selection, objects, paths, batcher)

    async def _resolve_columns(
        self, selection: Selection, objects: Sequence[Any], paths: Paths, batcher: Batcher
    ) -> tuple[list[list[Any]], bool]:
        steps = selection.steps
        columns: list[list[Any]] = [[]] * len(steps)
        has_nulled = False

        async def one(place: int) -> None:
            nonlocal has_nulled
            key, field = steps[place]
            columns[place], is_nulled = await self._complete_field(field, key, objects, paths, batcher)
            has_nulled = has_nulled or is_nulled

        waiting = selection.waiting
        if len(waiting) > 1:
            await asyncio.gather(*map(one, waiting))
        for place in range(len(steps)):
            if len(waiting) <= 1 or place not in waiting:
                await one(place)
        return columns, has_nulled

    async def _complete_field(
        self, field: FieldPlan, key: str, objects: Sequence[Any], paths: Paths, batcher: Batcher
    ) -> CompletedValues:
        below = FieldPaths(paths, key, field.parent.name)
        if paths.__class__ is RootPath and (planned := self._renderings.get(key)) is not None:
            text = await self._render(planned, below, batcher)
            if text is not None:
                return [text], False
        refusal = self._refused.get(field.coordinate) if self._refused else None
        if refusal is not None:
            values: list[Any] = [refusal] * len(objects)
        else:
            values = await self._resolver.resolve(field, objects, below, batcher)
        if field.output.kind is Kind.LEAF:
            # The builder completes leaves. Generated code cannot complete a column that holds an exception.
            return values, any(issubclass(kind, BaseException) for kind in set(map(type, values)))
        return await self._completer.complete(field, field.output, values, below, batcher)

    async def _render(self, planned: PlannedRendering, paths: Paths, batcher: Batcher) -> Any | None:
        """Render the field's whole answer as JSON text. Returns None if the field has to be resolved."""
        if self._refused and not planned.coordinates.isdisjoint(self._refused):
            return None
        holes = Run(self._variant, self._resolver, self._context, self._refused, self._type_resolver, self._level_span)
        try:
            found = await planned.rendering.render(self._context, self._arguments)
            if found is None or not await holes.fill(found, paths, batcher):
                return None
        except GraphQLError:
            return None
        except Exception:
            log.exception("The rendering of %s failed; the field is resolved instead.", planned.wanted.plan.coordinate)
            return None
        finally:
            holes.release()
        self._errors += holes._errors
        return join_parts(found.parts)

    def _arguments(self, wanted: RequestedField) -> Mapping[str, Any]:
        return self._resolver.arguments(wanted.plan)

    async def fill(self, rendered: RenderedText, root: Paths, batcher: Batcher) -> bool:
        """Fill the holes of a rendering. Returns False if a null reaches beyond its hole."""

        async def one(filling: Filling) -> bool:
            field, paths = filling.hole.wanted.plan, HolePaths(filling, root)
            # If a list resolver is called only once, no other call can share its batch.
            shared = None if self._call_counts.get(field.definition.list_resolver) == 1 else batcher
            values = await self._resolver.resolve(field, filling.parents, paths, shared)
            completed, is_nulled = await self._completer.complete(field, field.output, values, paths, batcher)
            if not is_nulled:
                fill_holes(rendered.parts, filling, completed)
            return not is_nulled

        fillings = rendered.fillings
        if len(fillings) == 1:
            return await one(fillings[0])
        return all(await asyncio.gather(*map(one, fillings)))

    async def _build_interpreted(
        self, selection: Selection, objects: Sequence[Any], columns: list[list[Any]], paths: Paths
    ) -> CompletedValues:
        read = {key: column for (key, _), column in zip(selection.steps, columns, strict=True)}
        for key, field in selection.fields.items():
            if field.is_inline:
                read[key] = await self._read_attribute(selection, field, objects)

        def report(error: BaseException, field: FieldPlan, key: str, index: int) -> None:
            self._report(error, field, FieldPaths(paths, key, field.parent.name).path(index))

        return selection.builder.build_interpreted(len(objects), read, report)

    async def _read_attribute(self, selection: Selection, field: FieldPlan, objects: Sequence[Any]) -> list[Any]:
        refusal = self._refused.get(field.coordinate)
        if refusal is not None:
            return [refusal] * len(objects)
        values = attributes(objects, field.definition.attribute)
        if has_awaitable(values):
            selection.builder.disable_generated()
        return await await_all(values)

    def _report(self, error: BaseException, field: FieldPlan, path: Path | None) -> None:
        if not isinstance(error, Exception):
            error = RuntimeError(f"{field.coordinate} was cancelled from inside")
        self._add_error(error, field, path_as_list(path))

    def _add_error(self, error: Exception, field: FieldPlan, path: list[Segment]) -> None:
        self._errors.append(located_error(error, field.nodes, path))
