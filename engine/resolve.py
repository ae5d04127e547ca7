"""Getting a field's values for all objects of a level, whatever way its resolver wants to be asked."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from graphql import GraphQLResolveInfo, GraphQLSchema
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Path, is_awaitable
from graphql.type import GraphQLResolveInfoHelpers
from strawberry.types.arguments import convert_arguments

from engine.fields import FieldPlan, Source
from engine.plan import Plan
from engine.slots import Slots
from engine.where import Step, Where

Values = list[Any]


class StrawberryParts(Protocol):
    """What of a Strawberry schema is needed to turn arguments into its input types."""

    config: Any
    scalar_registry: Any


class Resolving:
    """One run's way to its resolvers."""

    def __init__(  # noqa: PLR0913, PLR0917 - all that a resolver may ask for.
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

    async def values(self, field: FieldPlan, objects: Sequence[Any], where: Where, slots: Slots) -> Values:
        """One value or exception per object, nothing of it awaitable any more."""
        definition = field.definition
        try:
            if definition.source is Source.ATTRIBUTE:
                return _attributes(objects, definition.attribute)
            if definition.source is Source.DIRECT:
                assert definition.direct is not None
                return await settled(_called(definition.direct, objects))
            if definition.source is Source.COLUMN:
                assert definition.column is not None
                return list(definition.column(objects, self._context))
            arguments = self._arguments(field)
            if definition.source is Source.LIST:
                return await self._listed(field, objects, self._converted(field, arguments), slots)
            return await settled(self._each(field, objects, where, arguments))
        except Exception as error:  # noqa: BLE001 - what concerns the field concerns each of its objects.
            return [error] * len(objects)

    async def _listed(
        self, field: FieldPlan, objects: Sequence[Any], arguments: Mapping[str, Any], slots: Slots
    ) -> Values:
        definition = field.definition
        assert definition.list_resolver is not None
        keys = _called(definition.key, objects)
        right = [index for index, key in enumerate(keys) if not isinstance(key, Exception)]
        if len(right) == len(keys):
            return await slots.ask(definition.list_resolver, keys, objects, arguments)
        # What has no key is nothing that could be asked for, and keeps the error that says so.
        chosen = [objects[index] for index in right]
        answers = await slots.ask(definition.list_resolver, [keys[index] for index in right], chosen, arguments)
        for index, answer in zip(right, answers, strict=True):
            keys[index] = answer
        return keys

    def info(self, field: FieldPlan, path: Sequence[Step]) -> GraphQLResolveInfo[Any]:
        """graphql-core's own record of a field being resolved."""
        return GraphQLResolveInfo(
            field_name=field.node.name.value,
            field_nodes=field.nodes,
            return_type=field.core.type,
            parent_type=field.parent,
            path=_path(path),
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

    def _arguments(self, field: FieldPlan) -> dict[str, Any]:
        if not field.takes_arguments:
            return {}
        return get_argument_values(field.core, field.node, self._variables)

    def _converted(self, field: FieldPlan, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments as Strawberry gives them to resolvers: Python names, input types, enum members."""
        strawberry = field.definition.strawberry
        if not arguments or strawberry is None or self._strawberry is None:
            return arguments
        return convert_arguments(
            dict(arguments),
            strawberry.arguments,
            scalar_registry=self._strawberry.scalar_registry,
            config=self._strawberry.config,
        )

    def _each(self, field: FieldPlan, objects: Sequence[Any], where: Where, arguments: Mapping[str, Any]) -> Values:
        resolve = field.core.resolve or self._default

        def one(index: int, parent: Any) -> Any:
            return resolve(parent, self.info(field, where.path(index)), **arguments)

        found: Values = []
        for index, parent in enumerate(objects):
            try:
                found.append(one(index, parent))
            except Exception as error:  # noqa: BLE001 - one object's failure is its own.
                found.append(error)
        return found


def _attributes(objects: Sequence[Any], name: str) -> Values:
    try:
        return [getattr(one, name) for one in objects]
    except Exception:  # noqa: BLE001 - somebody has none: find out who.
        return _called(lambda one: getattr(one, name), objects)


def _called(function: Callable[[Any], Any], objects: Sequence[Any]) -> Values:
    found: Values = []
    add = found.append
    for one in objects:
        try:
            add(function(one))
        except Exception as error:  # noqa: BLE001 - one object's failure is its own.
            add(error)
    return found


async def settled(values: Values) -> Values:
    """The values with all that are awaitable awaited, side by side."""
    if not any(_is_awaited(kind) for kind in {value.__class__ for value in values}):
        return values
    waiting = [index for index, value in enumerate(values) if is_awaitable(value)]
    if not waiting:
        return values
    if len(waiting) == 1:
        values[waiting[0]] = await _outcome(values[waiting[0]])
        return values
    answers = await asyncio.gather(*(_outcome(values[index]) for index in waiting))
    for index, answer in zip(waiting, answers, strict=True):
        values[index] = answer
    return values


async def _outcome(waiting: Awaitable[Any]) -> Any:
    try:
        return await waiting
    except Exception as error:  # noqa: BLE001 - it becomes the value.
        return error


def _is_awaited(kind: type) -> bool:
    return hasattr(kind, "__await__")


def _path(steps: Sequence[Step]) -> Path:
    path: Path | None = None
    for step in steps:
        path = Path(path, step, None)
    assert path is not None
    return path


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
    """Nothing is left running behind a run that could be tracked."""


_HELPERS = GraphQLResolveInfoHelpers(_gather, _track)
