"""The two ways to run an operation: level by level by our engine, or field by field by graphql-core, its reference."""

from typing import Any, Literal, Protocol

import strawberry
from graphql import ExecutionResult, GraphQLSchema, execute

from engine import Engine, Outcome, Plan
from resolvers.context import Context
from resolvers.policy.errors import Forbidden
from resolvers.request.documents import RunnableOperation
from resolvers.request.joint_runs import JointRuns


class Runner(Protocol):
    """Runs an operation of a valid document."""

    async def run(self, runnable: RunnableOperation, context: Context) -> ExecutionResult: ...


Chosen = Literal["engine", "graphql-core"]


def runner(chosen: Chosen, core: GraphQLSchema, schema: strawberry.Schema, hot_after: int, *, joins: bool) -> Runner:
    """The runner that the settings name. `joins`: whether requests may run together."""
    return LevelByLevel(core, schema, hot_after, joins=joins) if chosen == "engine" else FieldByField(core)


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

    def __init__(self, core: GraphQLSchema, schema: strawberry.Schema, hot_after: int, *, joins: bool = True) -> None:
        self._joins = joins
        self._engine = Engine(core, schema, hot_after=hot_after)
        self._joint_runs = JointRuns(self._engine)
        # The number of operations that run now.
        self._running = 0
        self._other = FieldByField(core)

    async def run(self, runnable: RunnableOperation, context: Context) -> ExecutionResult:
        plans = runnable.document.plans
        if runnable.name in plans:
            plan = plans[runnable.name]
        else:
            plan = plans[runnable.name] = self._engine.plan(runnable.document.tree, runnable.operation)
        if plan is not None:
            self._running += 1
            try:
                outcome = await self._joined(plan, runnable, context) or await self._alone(plan, runnable, context)
            finally:
                self._running -= 1
            if outcome is not None:
                return ExecutionResult(outcome.data, outcome.errors or None)
        return await self._other.run(runnable, context)

    async def _joined(self, plan: Plan, runnable: RunnableOperation, context: Context) -> Outcome | None:
        """The outcome of a run with other requests; None for a request that runs alone."""
        is_usual = not context.forbidden and context.call.trace is None and _is_rendered(context)
        if not self._joins or self._running == 1 or not is_usual:
            return None
        variables, variant = runnable.variables, plan.variant(runnable.variables)
        joint = None if variant is None else variant.joint
        if variant is None or joint is None or not self._engine.joins(plan, joint, variables, context):
            return None
        return await self._joint_runs.outcome(plan, variant, joint, variables, context)

    async def _alone(self, plan: Plan, runnable: RunnableOperation, context: Context) -> Outcome | None:
        trace = context.call.trace
        return await self._engine.run(
            plan,
            runnable.variables,
            context,
            refused={what: Forbidden(what, missing) for what, missing in context.forbidden.items()},
            rendered=_is_rendered(context),
            level_span=None if trace is None else trace.level,
        )


def _is_rendered(context: Context) -> bool:
    # PostgreSQL does not tell of which clients the JSON is that it renders.
    return not context.explain and context.call.reads is None
