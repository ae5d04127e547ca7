"""graphql-core as the judge of the engine: the same data, and errors that it could have given."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from graphql import ExecutionResult, OperationDefinitionNode, execute, parse
from graphql.execution.values import get_variable_values

# graphql-core reports only the first in time of several failing siblings; without propagation it reports them all.
ALL = "@experimental_disableErrorPropagation"


async def reference(schema: Any, document: Any, variables: Any, root: Any, context: Any) -> ExecutionResult:
    result = execute(schema, document, root_value=root, context_value=context, variable_values=variables)
    return result if isinstance(result, ExecutionResult) else await result


async def candidates(schema: Any, document: Any, variables: Any, root: Any, context: Any) -> set[tuple[Any, ...]]:
    """Every error that any order of execution could have been the first to meet."""
    [directive] = parse(f"query {ALL} {{ a }}").definitions[0].directives
    definitions = tuple(
        replace(one, directives=(*(one.directives or ()), directive))
        if isinstance(one, OperationDefinitionNode)
        else one
        for one in document.definitions
    )
    document = replace(document, definitions=definitions)
    result = await reference(schema, document, variables, root, context)
    return {(*error.path, error.message) for error in result.errors or ()}


async def engines(engine: Any, schema: Any, document: Any, variables: Any, root: Any, context: Any) -> Any:
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    plan = engine.plan(document, operation)
    assert plan is not None
    coerced = get_variable_values(schema, operation.variable_definitions or (), variables)
    assert not isinstance(coerced, list), coerced
    outcome = None
    # The first run is interpreted, the last one is generated code.
    for _ in range(3):
        previous, outcome = outcome, await engine.run(plan, coerced, context, root=root)
        assert previous is None or previous.data == outcome.data
    return outcome


def assert_same(found: Any, expected: ExecutionResult, possible: set[tuple[Any, ...]], what: str) -> None:
    assert found.data == expected.data, what
    assert order(found.data) == order(expected.data), f"fields in another order: {what}"
    nulled = {position(expected.data, error.path) for error in expected.errors or ()}
    explained = {position(found.data, error.path) for error in found.errors}
    assert nulled == explained, f"{nulled} {explained} {what}"
    for error in found.errors:
        assert error.locations, error
        assert (*error.path, error.message) in possible, f"{error.path} {error.message} {what}"


def position(data: Any, path: Sequence[Any]) -> tuple[Any, ...]:
    """Where in the answer the error left its null."""
    here = data
    for length, step in enumerate(path):
        if here is None:
            return tuple(path[:length])
        here = here[step]
    assert here is None, f"an error at {path}, but no null"
    return tuple(path)


def order(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, order(inner)) for key, inner in value.items()]
    return [order(inner) for inner in value] if isinstance(value, list) else None
