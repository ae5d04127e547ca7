"""The two ways to run an operation: level by level by our engine, or field by field by graphql-core, its reference."""

from typing import Any, Literal, Protocol

import strawberry
from graphql import ExecutionResult, GraphQLSchema, execute

from engine import Engine
from resolvers.context import Context
from resolvers.policy.errors import Forbidden
from resolvers.request.documents import RunnableOperation


class Runner(Protocol):
    """Runs an operation of a valid document."""

    async def run(self, runnable: RunnableOperation, context: Context) -> ExecutionResult: ...


Chosen = Literal["engine", "graphql-core"]


def runner(chosen: Chosen, core: GraphQLSchema, schema: strawberry.Schema, hot_after: int) -> Runner:
    """The runner that the settings name."""
    return LevelByLevel(core, schema, hot_after) if chosen == "engine" else FieldByField(core)


class FieldByField:
    """graphql-core, with a DataLoader behind every list resolver."""

    def __init__(self, core: GraphQLSchema) -> None:
        self._core = core

    async def run(self, runnable: RunnableOperation, context: Context, root: Any = None) -> ExecutionResult:
        """`root` is the value of a stream, for a subscription."""
        result: Any = execute(
            self._core,
            runnable.document.tree,
            root_value=root,
            context_value=context,
            variable_values=dict(runnable.raw),
            operation_name=runnable.name,
        )
        return result if isinstance(result, ExecutionResult) else await result


class LevelByLevel:
    """The engine. Operations that the engine does not run go to graphql-core."""

    def __init__(self, core: GraphQLSchema, schema: strawberry.Schema, hot_after: int) -> None:
        self._engine = Engine(core, schema, hot_after=hot_after)
        self._other = FieldByField(core)

    async def run(self, runnable: RunnableOperation, context: Context) -> ExecutionResult:
        plans = runnable.document.plans
        if runnable.name in plans:
            plan = plans[runnable.name]
        else:
            plan = plans[runnable.name] = self._engine.plan(runnable.document.tree, runnable.operation)
        if plan is not None:
            refused = {what: Forbidden(what, missing) for what, missing in context.forbidden.items()}
            # PostgreSQL does not tell of which clients the JSON is that it renders.
            rendered = not context.explain and context.call.reads is None
            trace = context.call.trace
            outcome = await self._engine.run(
                plan,
                runnable.variables,
                context,
                refused=refused,
                rendered=rendered,
                level_span=None if trace is None else trace.level,
            )
            if outcome is not None:
                return ExecutionResult(outcome.data, outcome.errors or None)
        return await self._other.run(runnable, context)
