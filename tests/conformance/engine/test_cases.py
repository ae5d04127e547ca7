"""Situations that random operations seldom meet, each with its answer written down: both ways give it."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
from cases import arguments, basics, conditions, failures, inputs, kinds, lists, mutations, nulls, types
from graphql import (
    ExecutionResult,
    GraphQLObjectType,
    OperationDefinitionNode,
    default_field_resolver,
    execute,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values
from support.oracle import assert_same, candidates, order

from engine import Engine, Outcome, mark_as_guard

pytestmark = pytest.mark.anyio

MODULES = (basics, nulls, lists, arguments, inputs, types, kinds, conditions, failures, mutations)
WORLDS = [world for module in MODULES for world in module.WORLDS]
CASES = [(world, case) for world in WORLDS for case in world.cases]
NAMES = [f"{world.name}: {case.name}" for world, case in CASES]
# The last run is generated code.
RUNS = 4


def plainly(_schema):
    """Fields as graphql-core's own schemas have them."""


def by_lists(schema):
    """Every field as a list resolver."""
    for name, field in fields(schema):
        field.resolve = list_resolving(name, field.resolve or default_field_resolver)


def list_resolving(name, resolve):
    async def resolve_all(parents, context, **arguments):
        info = SimpleNamespace(field_name=name, context=context)
        return [await attempted(resolve, parent, info, arguments) for parent in parents]

    @mark_as_guard
    def each(parent, info, **arguments):
        return resolve(parent, info, **arguments)

    each.list_resolver = resolve_all
    return each


async def attempted(resolve, parent, info, arguments):
    try:
        found = resolve(parent, info, **arguments)
        return await found if hasattr(found, "__await__") else found
    except Exception as error:  # noqa: BLE001 - it becomes the value.
        return error


def fields(schema):
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            yield from kind.fields.items()


def test_there_are_enough_of_them_and_no_two_of_one_name():
    assert len(CASES) >= 120
    assert [name for name, count in Counter(NAMES).items() if count > 1] == []


@pytest.mark.parametrize("way", [plainly, by_lists], ids=lambda way: way.__name__)
@pytest.mark.parametrize("world,case", CASES, ids=NAMES)
async def test_the_answer_is_the_one_written_down(world, case, way):
    schema, document = world.schema(), parse(case.document)
    assert validate(schema, document) == []
    way(schema)

    expected = await judged(schema, document, world, case)
    found = await ours(schema, document, world, case)

    if case.refused:
        assert expected.data is None
        assert {error.message for error in expected.errors} == {case.refused} == {error.message for error in found}
        return
    assert expected.data == case.data
    assert order(expected.data) == order(case.data)
    assert_told(expected.errors or (), case.errors)
    possible = await candidates(schema, chosen(document, case), dict(case.variables), root(world, case), None)
    assert_same(found, expected, possible, case.name)
    if not case.either:
        assert_told(found.errors, case.errors)


async def judged(schema, document, world, case):
    result = execute(
        schema,
        document,
        root_value=root(world, case),
        variable_values=dict(case.variables),
        operation_name=case.operation,
    )
    return result if isinstance(result, ExecutionResult) else await result


async def ours(schema, document, world, case):
    """What the engine answers, the same each time; where the variables are refused, why."""
    engine = Engine(schema, hot_after=2)
    operation = operation_of(document, case)
    variables = get_variable_values(schema, operation.variable_definitions or (), dict(case.variables))
    if isinstance(variables, list):
        return variables
    plan = engine.plan(document, operation)
    assert (plan is None) == case.by_graphql_core
    if plan is None:
        found = await judged(schema, document, world, case)
        return Outcome(found.data, found.errors or [])
    answers = [await engine.run(plan, variables, root=root(world, case)) for _ in range(RUNS)]
    for answer in answers[1:]:
        assert answer.data == answers[0].data
        assert sorted(map(str, answer.errors)) == sorted(map(str, answers[0].errors))
    return answers[-1]


def root(world, case):
    return world.root() if case.root is None else case.root


def operation_of(document, case):
    [operation] = [
        one
        for one in document.definitions
        if isinstance(one, OperationDefinitionNode)
        and (case.operation is None or (one.name and one.name.value == case.operation))
    ]
    return operation


def chosen(document, case):
    """The document with the one operation that runs."""
    operation = operation_of(document, case)
    kept = tuple(
        one for one in document.definitions if one is operation or not isinstance(one, OperationDefinitionNode)
    )
    return replace(document, definitions=kept)


def assert_told(found, expected):
    assert Counter((tuple(one.path), one.message) for one in found) == Counter(
        (one.path, one.message) for one in expected
    )
    for one in expected:
        [told] = [error for error in found if (tuple(error.path), error.message) == (one.path, one.message)]
        assert dict(told.extensions or {}) == dict(one.extensions)
        if one.at:
            assert tuple((place.line, place.column) for place in told.locations) == one.at
