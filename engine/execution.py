"""One run of a plan: level by level, each field once for all objects of its level."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import msgspec
from graphql import GraphQLError, located_error
from graphql.pyutils import Path

from engine.batching import Slots
from engine.completion import Completing
from engine.field_plans import FieldPlan
from engine.lists import Completed
from engine.output_shapes import NULLED, Kind
from engine.paths import Below, Root, Where, steps
from engine.plan import Selection, Variant
from engine.rendering import Filling, Place, Planned, Rendered, Wanted, put_in, whole
from engine.resolution import Resolving, attributes, has_awaited, settled

log = logging.getLogger(__name__)

# What this caller may not have, by coordinate ("Client.balances"), and the error that says so.
Refused = Mapping[str, Exception]


class Outcome(msgspec.Struct, frozen=True):
    """`data` is None where a required root field failed. Errors are located, in no particular order."""

    data: dict[str, Any] | None
    errors: list[GraphQLError]


class Run:
    """Made for one request and thrown away."""

    def __init__(  # noqa: PLR0913 - what a run is made of.
        self,
        variant: Variant,
        resolving: Resolving,
        context: Any,
        refused: Refused,
        type_resolver: Any = None,
        *,
        rendered: bool = True,
    ) -> None:
        self._variant = variant
        self._type_resolver = type_resolver
        self._renderings = variant.renderings if rendered else {}
        self._asked = variant.asked if rendered else {}
        self._resolving = resolving
        self._context = context
        self._refused = refused
        self._errors: list[GraphQLError] = []
        self._completing = Completing(resolving, variant.select, self.level, self._report, type_resolver)

    async def outcome(self, root: Any, *, serially: bool) -> Outcome:
        try:
            return await (self._one_after_another(root) if serially else self._all_at_once(root))
        finally:
            # It knows this run, and this run knows it: whoever is done lets go, so that nothing has to wait until
            # somebody looks for cycles.
            del self._completing

    async def _all_at_once(self, root: Any) -> Outcome:
        with closing(Slots(self._context, self._asked)) as slots:
            rows, _ = await self.level(self._variant.root, [root], Root(), slots)
        return Outcome(None if rows[0] is NULLED else rows[0], self._errors)

    async def _one_after_another(self, root: Any) -> Outcome:
        """Mutations change things: what was read for one is not good for the next, and none follows a null answer."""
        data: dict[str, Any] = {}
        for selection in self._variant.serial:
            with closing(Slots(self._context, {})) as slots:
                rows, _ = await self.level(selection, [root], Root(), slots)
            if rows[0] is NULLED:
                return Outcome(None, self._errors)
            data.update(rows[0])
        return Outcome(data, self._errors)

    async def level(self, selection: Selection, objects: Sequence[Any], where: Where, slots: Slots) -> Completed:
        """The objects of one type at one place, as dictionaries; NULLED where a required field failed."""
        columns, nulled = await self._columns(selection, objects, where, slots)
        if not nulled and not (self._refused and selection.inline.intersection(self._refused)):
            rows = selection.build.fast(objects, columns)
            if rows is not None:
                return rows, False
        return await self._interpreted(selection, objects, columns, where)

    async def _columns(
        self, selection: Selection, objects: Sequence[Any], where: Where, slots: Slots
    ) -> tuple[list[list[Any]], bool]:
        steps = selection.steps
        columns: list[list[Any]] = [[]] * len(steps)
        nulled = False

        async def one(place: int) -> None:
            nonlocal nulled
            key, field = steps[place]
            columns[place], is_nulled = await self._field(field, key, objects, where, slots)
            nulled = nulled or is_nulled

        waiting = selection.waiting
        if len(waiting) > 1:
            await asyncio.gather(*map(one, waiting))
        for place in range(len(steps)):
            if len(waiting) <= 1 or place not in waiting:
                await one(place)
        return columns, nulled

    async def _field(self, field: FieldPlan, key: str, objects: Sequence[Any], where: Where, slots: Slots) -> Completed:
        below = Below(where, key, field.parent.name)
        if where.__class__ is Root and (planned := self._renderings.get(key)) is not None:
            text = await self._rendered(planned, below, slots)
            if text is not None:
                return [text], False
        refusal = self._refused.get(field.coordinate) if self._refused else None
        if refusal is not None:
            values: list[Any] = [refusal] * len(objects)
        else:
            values = await self._resolving.values(field, objects, below, slots)
        if field.output.kind is Kind.LEAF:
            # Leaves are completed where the objects are built, which is slow where one of them is an exception.
            return values, any(issubclass(kind, BaseException) for kind in set(map(type, values)))
        return await self._completing.complete(field, field.output, values, below, slots)

    async def _rendered(self, planned: Planned, where: Where, slots: Slots) -> Any | None:
        """The field's whole answer as JSON text; None where it has to be resolved."""
        if self._refused and not planned.coordinates.isdisjoint(self._refused):
            return None
        holes = Run(self._variant, self._resolving, self._context, self._refused, self._type_resolver)
        try:
            found = await planned.rendering.render(self._context, self._arguments)
            if found is None or not await holes.fill(found, where, slots):
                return None
        except GraphQLError:
            return None
        except Exception:
            log.exception("A rendering of %s failed; the field is resolved instead.", planned.wanted.plan.coordinate)
            return None
        finally:
            del holes._completing
        self._errors += holes._errors
        return whole(found.parts)

    def _arguments(self, wanted: Wanted) -> Mapping[str, Any]:
        return self._resolving.arguments(wanted.plan)

    async def fill(self, rendered: Rendered, root: Where, slots: Slots) -> bool:
        """Resolve what a rendering left open. False where null would have to stand for more than one field."""

        async def one(filling: Filling) -> bool:
            field, where = filling.hole.wanted.plan, Place(filling, root)
            # Where nobody else asks there is nothing to share.
            shared = None if self._asked.get(field.definition.list_resolver) == 1 else slots
            values = await self._resolving.values(field, filling.parents, where, shared)
            completed, is_nulled = await self._completing.complete(field, field.output, values, where, slots)
            if not is_nulled:
                put_in(rendered.parts, filling, completed)
            return not is_nulled

        fillings = rendered.fillings
        if len(fillings) == 1:
            return await one(fillings[0])
        return all(await asyncio.gather(*map(one, fillings)))

    async def _interpreted(
        self, selection: Selection, objects: Sequence[Any], columns: list[list[Any]], where: Where
    ) -> Completed:
        read = {key: column for (key, _), column in zip(selection.steps, columns, strict=True)}
        for key, field in selection.fields.items():
            if field.is_inline:
                read[key] = await self._read(selection, field, objects)

        def report(error: BaseException, field: FieldPlan, key: str, index: int) -> None:
            self._report(error, field, Below(where, key, field.parent.name).path(index))

        return selection.build.slow(len(objects), read, report)

    async def _read(self, selection: Selection, field: FieldPlan, objects: Sequence[Any]) -> list[Any]:
        refusal = self._refused.get(field.coordinate)
        if refusal is not None:
            return [refusal] * len(objects)
        values = attributes(objects, field.definition.attribute)
        if has_awaited(values):
            selection.build.waits()
        return await settled(values)

    def _report(self, error: BaseException, field: FieldPlan, path: Path | None) -> None:
        if not isinstance(error, Exception):
            error = RuntimeError(f"{field.coordinate} was cancelled from inside")
        self._errors.append(located_error(error, field.nodes, steps(path)))
