"""Field resolution: a field's values for all objects of a level, by the cheapest call that its resolver allows."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import GeneratorType
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema, Undefined
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, UndefinedType, is_awaitable
from graphql.type import GraphQLResolveInfoHelpers

from engine.arguments import StrawberryParts, arguments_of, raw_arguments
from engine.batching import Batcher, call_list_resolver
from engine.field_plans import FieldPlan, Source
from engine.paths import Paths
from engine.plan import Plan

Values = list[Any]


class ValueResolver:
    """Caller of the resolvers in one run."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a resolver's `info`.
        self,
        plan: Plan,
        variables: VariableValues,
        context: Any,
        root: Any,
        default: Callable[..., Any],
        strawberry: StrawberryParts | None,
    ) -> None:
        self._plan = plan
        self._variables = variables
        self._context = context
        self._root = root
        self._default = default
        self._strawberry = strawberry

    async def resolve(self, field: FieldPlan, objects: Sequence[Any], paths: Paths, batcher: Batcher | None) -> Values:
        """Resolve one value or exception for each object. No result is awaitable.

        `batcher` is None if the call is the only one of its list resolver and all objects are distinct.
        """
        definition = field.definition
        try:
            if definition.source is Source.ATTRIBUTE:
                return await await_all(attributes(objects, definition.attribute))
            if definition.source is Source.DIRECT:
                assert definition.direct is not None
                return await await_all(_call_each(definition.direct, objects))
            if definition.source is Source.COLUMN:
                assert definition.column is not None
                return await await_all(list(definition.column(objects, self._context)))
            if definition.source is Source.LIST:
                return await await_all(await self._call_list_resolver(field, objects, self.arguments(field), batcher))
            return await await_all(self._resolve_each(field, objects, paths, raw_arguments(field, self._variables)))
        except Exception as error:  # noqa: BLE001 - a failure of the field concerns each of its objects.
            return [error] * len(objects)

    async def _call_list_resolver(
        self, field: FieldPlan, objects: Sequence[Any], arguments: Mapping[str, Any], batcher: Batcher | None
    ) -> Values:
        definition = field.definition
        assert definition.list_resolver is not None
        if batcher is None:
            return list(await call_list_resolver(definition.list_resolver, objects, self._context, arguments))
        keys = _keys(definition.key, objects)
        if not any(issubclass(kind, Exception) for kind in set(map(type, keys))):
            return await batcher.load(definition.list_resolver, keys, objects, arguments)
        right = [index for index, key in enumerate(keys) if not isinstance(key, Exception)]
        # An object without a key cannot be loaded. Its value is the error of its key.
        chosen = [objects[index] for index in right]
        answers = await batcher.load(definition.list_resolver, [keys[index] for index in right], chosen, arguments)
        for index, answer in zip(right, answers, strict=True):
            keys[index] = answer
        return keys

    def info(self, field: FieldPlan, path: Path | None) -> GraphQLResolveInfo[Any]:
        """Make graphql-core's record of a field that is being resolved."""
        assert path is not None, "the root is not a field"
        return GraphQLResolveInfo(
            field_name=field.node.name.value,
            field_nodes=field.nodes,
            return_type=field.core.type,
            parent_type=field.parent,
            path=path,
            schema=self.schema,
            fragments=dict(self._plan.fragments),
            root_value=self._root,
            operation=self._plan.operation,
            variable_values=self._variables,
            context=self._context,
            is_awaitable=is_awaitable,
            abort_signal=None,
            async_helpers=_HELPERS,
        )

    @property
    def schema(self) -> GraphQLSchema:
        return self._plan.schema

    def arguments(self, field: FieldPlan) -> Mapping[str, Any]:
        """Get the arguments as a list resolver takes them. Raises GraphQLError."""
        return arguments_of(field, self._variables, self._strawberry)

    def _resolve_each(
        self, field: FieldPlan, objects: Sequence[Any], paths: Paths, arguments: Mapping[str, Any]
    ) -> Values:
        resolve = field.core.resolve or self._default
        # A resolver may change its lists and dictionaries, so each object gets its own copy.
        is_fixed = not any(isinstance(value, list | dict) for value in arguments.values())

        def one(index: int, parent: Any) -> Any:
            own = arguments if is_fixed or not index else raw_arguments(field, self._variables)
            return resolve(parent, self.info(field, paths.path(index)), **own)

        found: Values = []
        for index, parent in enumerate(objects):
            try:
                found.append(one(index, parent))
            except Exception as error:  # noqa: BLE001 - a failure concerns only its own object.
                found.append(error)
        return found


def attributes(objects: Sequence[Any], name: str) -> Values:
    try:
        return [getattr(one, name) for one in objects]
    except Exception:  # noqa: BLE001 - an object lacks the attribute: find the object.
        return _call_each(lambda one: getattr(one, name), objects)


def _keys(key: Callable[[Any], Any], objects: Sequence[Any]) -> Values:
    try:
        return list(map(key, objects))
    except Exception:  # noqa: BLE001 - an object lacks the key: find the object.
        return _call_each(key, objects)


def _call_each(function: Callable[[Any], Any], objects: Sequence[Any]) -> Values:
    found: Values = []
    add = found.append
    for one in objects:
        try:
            add(function(one))
        except Exception as error:  # noqa: BLE001 - a failure concerns only its own object.
            add(error)
    return found


async def await_all(values: Values) -> Values:
    """Await all awaitable values concurrently. Undefined values become None."""
    kinds = set(map(type, values))
    if UndefinedType in kinds:
        values = _replace_undefined(values)
    if not any(map(_is_awaitable_type, kinds)):
        return values
    waiting = [index for index, value in enumerate(values) if is_awaitable(value)]
    if len(waiting) == 1:
        answers = [await _await_one(values[waiting[0]])]
    else:
        answers = await asyncio.gather(*(_await_one(values[index]) for index in waiting))
    for index, answer in zip(waiting, answers, strict=True):
        values[index] = answer
    return _replace_undefined(values)


def _replace_undefined(values: Values) -> Values:
    return [None if value is Undefined else value for value in values]


def has_awaitable(values: Sequence[Any]) -> bool:
    """Whether one of the values may be awaitable."""
    return any(map(_is_awaitable_type, set(map(type, values))))


async def _await_one(waiting: Awaitable[Any]) -> Any:
    try:
        return await waiting
    except Exception as error:  # noqa: BLE001 - the exception becomes the value.
        return error


def _is_awaitable_type(kind: type) -> bool:
    # A generator may be a generator-based coroutine, which is awaitable.
    return hasattr(kind, "__await__") or kind is GeneratorType


async def _gather(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    tasks = [asyncio.ensure_future(one) for one in awaitables]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _track(_values: Sequence[Any]) -> None:
    """Do nothing, because no task of a run continues after the run."""


_HELPERS = GraphQLResolveInfoHelpers(_gather, _track)
