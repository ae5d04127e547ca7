"""Completing values (spec 6.4.3), all of a field at once: lists unrolled, types found, objects selected, put back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from graphql import GraphQLError, GraphQLObjectType, default_type_resolver, is_object_type
from graphql.pyutils import Path, inspect

from engine.batching import Slots
from engine.field_plans import FieldPlan
from engine.lists import Completed, listed, regrouped
from engine.output_shapes import NULLED, Kind, Output
from engine.paths import Some, Where, Within
from engine.plan import Selection
from engine.resolution import Resolving, settled
from engine.serialization import coerced, missing

Select = Callable[[FieldPlan, GraphQLObjectType], Selection]
Report = Callable[[BaseException, FieldPlan, Path | None], None]


_NONE = type(None)
_NO_TYPE = (
    ". Either the '{on}' type should provide a 'resolve_type' function or each possible type should provide an "
    "'is_type_of' function."
)
_NO_NAME = " with value {value}, received '{name}', which is not a valid Object type name."


class Level(Protocol):
    """Runs a selection for all its objects."""

    def __call__(
        self, selection: Selection, objects: Sequence[Any], where: Where, slots: Slots
    ) -> Awaitable[Completed]: ...


class Completing:
    """One run's way from resolved values to completed ones."""

    def __init__(self, resolving: Resolving, select: Select, level: Level, report: Report, type_resolver: Any) -> None:
        self._resolving = resolving
        self._select = select
        self._level = level
        self._report = report
        self._type_resolver = type_resolver or default_type_resolver

    async def complete(
        self, field: FieldPlan, out: Output, values: Sequence[Any], where: Where, slots: Slots
    ) -> Completed:
        """Completed values in the same order. What is null where it must not be is reported and NULLED."""
        if any(kind is _NONE or issubclass(kind, BaseException) for kind in set(map(type, values))):
            return await self._around_nulls(field, out, values, where, slots)
        return await self._whole(field, out, values, where, slots)

    async def _around_nulls(
        self, field: FieldPlan, out: Output, values: Sequence[Any], where: Where, slots: Slots
    ) -> Completed:
        found: list[Any] = [None] * len(values)
        there: list[int] = []
        is_nulled = False
        for index, value in enumerate(values):
            if value is not None and not isinstance(value, BaseException):
                there.append(index)
            elif value is not None or out.required:
                error = missing(field.coordinate) if value is None else value
                found[index] = self._failed(error, field, out, where, index)
                is_nulled = out.required
        completed, nulled_inside = await self._whole(
            field, out, [values[index] for index in there], Some(where, there), slots
        )
        for index, value in zip(there, completed, strict=True):
            found[index] = value
        return found, is_nulled or nulled_inside

    async def _whole(
        self, field: FieldPlan, out: Output, values: Sequence[Any], where: Where, slots: Slots
    ) -> Completed:
        if not values:
            return [], False
        match out.kind:
            case Kind.LEAF:
                completed = self._leaves(field, out, values, where)
            case Kind.LIST:
                completed = await self._lists(field, out, values, where, slots)
            case Kind.OBJECT:
                completed = await self._objects(field, out, out.named, values, where, slots)
            case Kind.ABSTRACT:
                completed = await self._abstract(field, out, values, where, slots)
        return completed

    def _failed(self, error: BaseException, field: FieldPlan, out: Output, where: Where, index: int) -> Any:
        self._report(error, field, where.path(index))
        return out.null

    def _leaves(self, field: FieldPlan, out: Output, values: Sequence[Any], where: Where) -> Completed:
        found: list[Any] = []
        for index, value in enumerate(values):
            try:
                found.append(coerced(out.named, value))
            except Exception as error:  # noqa: BLE001 - one value's failure is its own.
                found.append(self._failed(error, field, out, where, index))
        return found, out.required and any(value is NULLED for value in found)

    async def _lists(
        self, field: FieldPlan, out: Output, values: Sequence[Any], where: Where, slots: Slots
    ) -> Completed:
        of = out.of
        assert of is not None
        elements: list[Any] = []
        lengths: list[int] = []
        failed: dict[int, Any] = {}
        for index, value in enumerate(values):
            try:
                own = value if value.__class__ is list else await listed(value, field)
            except Exception as error:  # noqa: BLE001 - one list's failure is its own.
                failed[index], own = self._failed(error, field, out, where, index), []
            elements.extend(own)
            lengths.append(len(own))
        elements = await settled(elements)
        completed, is_nulled = await self.complete(field, of, elements, Within(where, lengths), slots)
        if len(values) == 1 and not is_nulled and not failed:
            return [completed], False
        return regrouped(completed, lengths, failed, out, elements_nulled=is_nulled)

    async def _objects(  # noqa: PLR0913, PLR0917 - the values and their place.
        self,
        field: FieldPlan,
        out: Output,
        on: GraphQLObjectType,
        values: Sequence[Any],
        where: Where,
        slots: Slots,
    ) -> Completed:
        wrong = await self._not_of(field, on, values, where)
        if not wrong:
            rows, is_nulled = await self._level(self._select(field, on), values, where, slots)
            return _given_way(rows, out, is_nulled=is_nulled)
        right = [index for index in range(len(values)) if index not in wrong]
        found: list[Any] = [None] * len(values)
        for index, error in wrong.items():
            found[index] = self._failed(error, field, out, where, index)
        if right:
            rows, _ = await self._level(self._select(field, on), [values[i] for i in right], Some(where, right), slots)
            for index, row in zip(right, rows, strict=True):
                found[index] = row
        return _given_way(found, out, is_nulled=True)

    async def _not_of(
        self, field: FieldPlan, on: GraphQLObjectType, values: Sequence[Any], where: Where
    ) -> dict[int, Exception]:
        """Which values are not of the type, by what the type itself says."""
        is_type_of: Any = on.is_type_of
        if is_type_of is None:
            return {}
        info = self._resolving.info(field, where.path(0))
        if getattr(is_type_of, "by_class", False):
            kinds = {value.__class__: value for value in values}
            if all(is_type_of(value, info) for value in kinds.values()):
                return {}
        answers = await settled([_asked(is_type_of, value, info) for value in values])
        return {
            index: answer if isinstance(answer, Exception) else _foreign(on, values[index], field)
            for index, answer in enumerate(answers)
            if isinstance(answer, Exception) or not answer
        }

    async def _abstract(
        self, field: FieldPlan, out: Output, values: Sequence[Any], where: Where, slots: Slots
    ) -> Completed:
        info = self._resolving.info(field, where.path(0))
        resolve_type = out.named.resolve_type or self._type_resolver
        names = await settled([_asked(resolve_type, value, info, out.named) for value in values])
        found: list[Any] = [None] * len(values)
        groups: dict[str, list[int]] = {}
        for index, name in enumerate(names):
            try:
                groups.setdefault(self._runtime_type(name, field, out, values[index]).name, []).append(index)
            except Exception as error:  # noqa: BLE001 - one value's failure is its own.
                found[index] = self._failed(error, field, out, where, index)

        async def one(name: str, chosen: list[int]) -> None:
            on = self._resolving.schema.get_type(name)
            assert isinstance(on, GraphQLObjectType)
            own = [values[index] for index in chosen]
            rows, _ = await self._objects(field, out, on, own, Some(where, chosen), slots)
            for index, row in zip(chosen, rows, strict=True):
                found[index] = row

        await side_by_side([one(name, chosen) for name, chosen in groups.items()])
        return found, out.required and any(value is NULLED for value in found)

    def _runtime_type(self, name: Any, field: FieldPlan, out: Output, value: Any) -> GraphQLObjectType:
        """The object type that a name stands for. Raises what graphql-core raises."""
        if isinstance(name, BaseException):
            raise name
        what = f"Abstract type '{out.named}'"
        if name is None or not isinstance(name, str):
            problem = _NO_TYPE if name is None else _NO_NAME
            told = problem.format(on=out.named, value=inspect(value), name=inspect(name))
            message = f"{what} must resolve to an Object type at runtime for field '{field.coordinate}'{told}"
            raise GraphQLError(message, field.nodes)
        found = self._resolving.schema.get_type(name)
        if found is None:
            message = f"{what} was resolved to a type '{name}' that does not exist inside the schema."
            raise GraphQLError(message, field.nodes)
        if not is_object_type(found):
            raise GraphQLError(f"{what} was resolved to a non-object type '{name}'.", field.nodes)
        if not self._resolving.schema.is_sub_type(out.named, found):
            message = f"Runtime Object type '{found}' is not a possible type for '{out.named}'."
            raise GraphQLError(message, field.nodes)
        return found


async def side_by_side(waiting: Sequence[Awaitable[None]]) -> None:
    if len(waiting) == 1:
        await waiting[0]
    elif waiting:
        await asyncio.gather(*waiting)


def _given_way(rows: list[Any], out: Output, *, is_nulled: bool) -> Completed:
    """Where null may stand, what was NULLED below has found its place."""
    if not is_nulled or out.required:
        return rows, is_nulled
    return [None if row is NULLED else row for row in rows], False


def _foreign(on: GraphQLObjectType, value: Any, field: FieldPlan) -> GraphQLError:
    return GraphQLError(f"Expected value of type '{on}' but got: {inspect(value)}.", field.nodes)


def _asked(ask: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return ask(*arguments)
    except Exception as error:  # noqa: BLE001 - it becomes the value.
        return error
