"""Value completion (spec 6.4.3) for all values of a field together.

Lists are flattened, abstract types resolved, objects run through their selections. The results then return to the
order of the values.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from graphql import GraphQLError, GraphQLObjectType, default_type_resolver, is_object_type
from graphql.pyutils import Path, inspect

from engine.batching import Batcher
from engine.field_plans import FieldPlan
from engine.lists import CompletedValues, regroup, to_list
from engine.output_shapes import NULLED, Kind, OutputShape
from engine.paths import ElementPaths, Paths, SubsetPaths
from engine.plan import Select, Selection
from engine.resolution import ValueResolver, await_all
from engine.serialization import null_error, serialize

Report = Callable[[BaseException, FieldPlan, Path | None], None]


_NONE = type(None)
_NO_TYPE = (
    ". Either the '{on}' type should provide a 'resolve_type' function or each possible type should provide an "
    "'is_type_of' function."
)
_NO_NAME = " with value {value}, received '{name}', which is not a valid Object type name."


class RunLevel(Protocol):
    """Function that runs a selection for all its objects."""

    def __call__(
        self, selection: Selection, objects: Sequence[Any], paths: Paths, batcher: Batcher
    ) -> Awaitable[CompletedValues]: ...


class Completer:
    """Completer of one run: from resolved values to completed values."""

    def __init__(
        self, resolver: ValueResolver, select: Select, run_level: RunLevel, report: Report, type_resolver: Any
    ) -> None:
        self._resolver = resolver
        self._select = select
        self._run_level = run_level
        self._report = report
        self._type_resolver = type_resolver or default_type_resolver

    async def complete(
        self, field: FieldPlan, out: OutputShape, values: Sequence[Any], paths: Paths, batcher: Batcher
    ) -> CompletedValues:
        """Complete values in their order. A null of a required type is reported and becomes NULLED."""
        if any(kind is _NONE or issubclass(kind, BaseException) for kind in set(map(type, values))):
            return await self._complete_around_nulls(field, out, values, paths, batcher)
        return await self._complete_non_null(field, out, values, paths, batcher)

    async def _complete_around_nulls(
        self, field: FieldPlan, out: OutputShape, values: Sequence[Any], paths: Paths, batcher: Batcher
    ) -> CompletedValues:
        found: list[Any] = [None] * len(values)
        there: list[int] = []
        is_nulled = False
        for index, value in enumerate(values):
            if value is not None and not isinstance(value, BaseException):
                there.append(index)
            elif value is not None or out.required:
                error = null_error(field.coordinate) if value is None else value
                found[index] = self._record_failure(error, field, out, paths, index)
                is_nulled = out.required
        completed, nulled_inside = await self._complete_non_null(
            field, out, [values[index] for index in there], SubsetPaths(paths, there), batcher
        )
        for index, value in zip(there, completed, strict=True):
            found[index] = value
        return found, is_nulled or nulled_inside

    async def _complete_non_null(
        self, field: FieldPlan, out: OutputShape, values: Sequence[Any], paths: Paths, batcher: Batcher
    ) -> CompletedValues:
        if not values:
            return [], False
        match out.kind:
            case Kind.LEAF:
                completed = self._complete_leaves(field, out, values, paths)
            case Kind.LIST:
                completed = await self._complete_lists(field, out, values, paths, batcher)
            case Kind.OBJECT:
                completed = await self._complete_objects(field, out, out.named, values, paths, batcher)
            case Kind.ABSTRACT:
                completed = await self._complete_abstract(field, out, values, paths, batcher)
        return completed

    def _record_failure(
        self, error: BaseException, field: FieldPlan, out: OutputShape, paths: Paths, index: int
    ) -> Any:
        self._report(error, field, paths.path(index))
        return out.null

    def _complete_leaves(
        self, field: FieldPlan, out: OutputShape, values: Sequence[Any], paths: Paths
    ) -> CompletedValues:
        found: list[Any] = []
        for index, value in enumerate(values):
            try:
                found.append(serialize(out.named, value))
            except Exception as error:  # noqa: BLE001 - a failure concerns only its own value.
                found.append(self._record_failure(error, field, out, paths, index))
        return found, out.required and any(value is NULLED for value in found)

    async def _complete_lists(
        self, field: FieldPlan, out: OutputShape, values: Sequence[Any], paths: Paths, batcher: Batcher
    ) -> CompletedValues:
        of = out.of
        assert of is not None
        elements: list[Any] = []
        lengths: list[int] = []
        failed: dict[int, Any] = {}
        for index, value in enumerate(values):
            try:
                own = value if value.__class__ is list else await to_list(value, field)
            except Exception as error:  # noqa: BLE001 - a failure concerns only its own list.
                failed[index], own = self._record_failure(error, field, out, paths, index), []
            elements.extend(own)
            lengths.append(len(own))
        elements = await await_all(elements)
        completed, is_nulled = await self.complete(field, of, elements, ElementPaths(paths, lengths), batcher)
        if len(values) == 1 and not is_nulled and not failed:
            return [completed], False
        return regroup(completed, lengths, failed, out, elements_nulled=is_nulled)

    async def _complete_objects(  # noqa: PLR0913, PLR0917 - the values and their paths.
        self,
        field: FieldPlan,
        out: OutputShape,
        on: GraphQLObjectType,
        values: Sequence[Any],
        paths: Paths,
        batcher: Batcher,
    ) -> CompletedValues:
        wrong = await self._find_wrong_types(field, on, values, paths)
        if not wrong:
            rows, is_nulled = await self._run_level(self._select(field, on), values, paths, batcher)
            return _absorb_nulls(rows, out, is_nulled=is_nulled)
        right = [index for index in range(len(values)) if index not in wrong]
        found: list[Any] = [None] * len(values)
        for index, error in wrong.items():
            found[index] = self._record_failure(error, field, out, paths, index)
        if right:
            rows, _ = await self._run_level(
                self._select(field, on), [values[i] for i in right], SubsetPaths(paths, right), batcher
            )
            for index, row in zip(right, rows, strict=True):
                found[index] = row
        return _absorb_nulls(found, out, is_nulled=True)

    async def _find_wrong_types(
        self, field: FieldPlan, on: GraphQLObjectType, values: Sequence[Any], paths: Paths
    ) -> dict[int, Exception]:
        """Find the values that are not of the type, by the type's own `is_type_of`. Returns errors by index."""
        is_type_of: Any = on.is_type_of
        if is_type_of is None:
            return {}
        info = self._resolver.info(field, paths.path(0))
        if getattr(is_type_of, "by_class", False):
            kinds = {value.__class__: value for value in values}
            if all(is_type_of(value, info) for value in kinds.values()):
                return {}
        answers = await await_all([_call_or_error(is_type_of, value, info) for value in values])
        return {
            index: answer if isinstance(answer, Exception) else _wrong_type_error(on, values[index], field)
            for index, answer in enumerate(answers)
            if isinstance(answer, Exception) or not answer
        }

    async def _complete_abstract(
        self, field: FieldPlan, out: OutputShape, values: Sequence[Any], paths: Paths, batcher: Batcher
    ) -> CompletedValues:
        info = self._resolver.info(field, paths.path(0))
        resolve_type = out.named.resolve_type or self._type_resolver
        names = await await_all([_call_or_error(resolve_type, value, info, out.named) for value in values])
        found: list[Any] = [None] * len(values)
        groups: dict[str, list[int]] = {}
        for index, name in enumerate(names):
            try:
                groups.setdefault(self._runtime_type(name, field, out, values[index]).name, []).append(index)
            except Exception as error:  # noqa: BLE001 - a failure concerns only its own value.
                found[index] = self._record_failure(error, field, out, paths, index)

        async def one(name: str, chosen: list[int]) -> None:
            on = self._resolver.schema.get_type(name)
            assert isinstance(on, GraphQLObjectType)
            own = [values[index] for index in chosen]
            rows, _ = await self._complete_objects(field, out, on, own, SubsetPaths(paths, chosen), batcher)
            for index, row in zip(chosen, rows, strict=True):
                found[index] = row

        await run_concurrently([one(name, chosen) for name, chosen in groups.items()])
        return found, out.required and any(value is NULLED for value in found)

    def _runtime_type(self, name: Any, field: FieldPlan, out: OutputShape, value: Any) -> GraphQLObjectType:
        """Look up the object type by name. Raises the errors of graphql-core."""
        if isinstance(name, BaseException):
            raise name
        what = f"Abstract type '{out.named}'"
        if name is None or not isinstance(name, str):
            problem = _NO_TYPE if name is None else _NO_NAME
            detail = problem.format(on=out.named, value=inspect(value), name=inspect(name))
            message = f"{what} must resolve to an Object type at runtime for field '{field.coordinate}'{detail}"
            raise GraphQLError(message, field.nodes)
        found = self._resolver.schema.get_type(name)
        if found is None:
            message = f"{what} was resolved to a type '{name}' that does not exist inside the schema."
            raise GraphQLError(message, field.nodes)
        if not is_object_type(found):
            raise GraphQLError(f"{what} was resolved to a non-object type '{name}'.", field.nodes)
        if not self._resolver.schema.is_sub_type(out.named, found):
            message = f"Runtime Object type '{found}' is not a possible type for '{out.named}'."
            raise GraphQLError(message, field.nodes)
        return found


async def run_concurrently(waiting: Sequence[Awaitable[None]]) -> None:
    if len(waiting) == 1:
        await waiting[0]
    elif waiting:
        await asyncio.gather(*waiting)


def _absorb_nulls(rows: list[Any], out: OutputShape, *, is_nulled: bool) -> CompletedValues:
    """Replace NULLED by null if the type is nullable."""
    if not is_nulled or out.required:
        return rows, is_nulled
    return [None if row is NULLED else row for row in rows], False


def _wrong_type_error(on: GraphQLObjectType, value: Any, field: FieldPlan) -> GraphQLError:
    return GraphQLError(f"Expected value of type '{on}' but got: {inspect(value)}.", field.nodes)


def _call_or_error(ask: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return ask(*arguments)
    except Exception as error:  # noqa: BLE001 - the exception becomes the value.
        return error
