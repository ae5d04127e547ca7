"""Runs one GraphQL request, from its text to its answer."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import msgspec
from graphql import (
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    VariableDefinitionNode,
)

from core.call import BudgetStanding, Call, Tally
from resolvers.context import Caller, Context, GraphLimits, Services
from resolvers.policy.authorization import INTROSPECTION, forbidden_fields
from resolvers.policy.directives import asks
from resolvers.policy.errors import BadUserInput, LimitExceeded, present
from resolvers.policy.scopes import Scope
from resolvers.request.budget import BudgetExceeded, Charging, cost_extension
from resolvers.request.call_plan import ports_of, predict_calls
from resolvers.request.document_limits import DocumentLimits
from resolvers.request.documents import Document, Documents, RunnableOperation, Unacceptable, is_mutation
from resolvers.request.graphql_request import GraphQLRequest
from resolvers.request.refused_mutations import refused_whole
from resolvers.request.runners import Chosen, runner
from resolvers.request.selection import Selector
from resolvers.request.variables import read_variables
from resolvers.schema import core_schema, schema

# Upstream calls end at the deadline. The additional time-out is for other code that hangs.
_GRACE_SECONDS = 2.0
_LIVE_CLIENT = "Client.live"
_BY_POST = "A mutation is sent by POST, never by GET."


class GraphQLResponse(msgspec.Struct, frozen=True):
    """`body` is the JSON of the answer. `executed` is false if the request was refused before the operation ran.
    `standing` is the caller's remaining budget, if the caller has a budget.
    """

    body: dict[str, Any]
    executed: bool
    refused_method: bool = False
    refused_budget: bool = False
    standing: BudgetStanding | None = None


class Executor:
    """Runs requests against the schema. The process has one executor."""

    def __init__(
        self,
        services: Services,
        limits: DocumentLimits,
        *,
        introspection: bool,
        executor: Chosen = "engine",
        hot_after: int = 2,
    ) -> None:
        self._services = services
        self._runner = runner(executor, core_schema, schema, hot_after)
        self._documents = Documents(core_schema, limits, introspection=True)
        self._introspection = introspection
        self._ports = ports_of(services.upstreams.platforms.values())
        self._charging = Charging(core_schema, services.limits, services.upstreams.budgets)

    async def run(
        self, request: GraphQLRequest, caller: Caller, call: Call, *, may_mutate: bool = True
    ) -> GraphQLResponse:
        """Answer the request. The only error that a caller can cause is ClientDisconnected, for a query."""
        try:
            document = self._documents.read(request.text)
            operation = document.operation(request.operation_name)
            if is_mutation(operation) and not may_mutate:
                standing = await self._charging.spend_for_refusal(caller)
                body = _refusal([BadUserInput(_BY_POST)], call)
                return GraphQLResponse(body, executed=False, refused_method=True, standing=standing)
            runnable = self._with_variables(document, operation, request.variables or {})
            forbidden = self._forbidden(document, caller)
            if refused := self._refused_whole(runnable, forbidden):
                body = {"data": None} | _refusal(refused, call)
                return GraphQLResponse(body, executed=True, standing=await self._charging.spend_for_refusal(caller))
            cost = self._charging.cost(runnable)
            plan = self._plan(runnable, explain=request.explain)
        except Unacceptable as error:
            body = _refusal(error.errors, call, suggestions=self._helps(caller))
            return GraphQLResponse(body, False, standing=await self._charging.spend_for_refusal(caller))
        standing = await self._charging.spend(caller, cost, mutation=runnable.is_mutation)
        if standing is not None and not standing.granted:
            body = _refusal([BudgetExceeded(standing)], call)
            return GraphQLResponse(body, executed=False, refused_budget=True, standing=standing)
        fields = document.facts.fields
        context = Context(self._services, caller, call, fields, forbidden, standing, explain=request.explain)
        with nullcontext() if runnable.is_mutation else call.lifetime.cancellable():
            result = await self._execute(runnable, context)
        body = _body(result, call, plan if request.explain else None)
        if request.show_cost and standing is not None:
            body.setdefault("extensions", {})["cost"] = cost_extension(standing, self._services.clock.now())
        return GraphQLResponse(body, executed=True, standing=standing)

    def is_mutation(self, request: GraphQLRequest) -> bool:
        """Whether the request is an executable mutation."""
        try:
            return is_mutation(self._documents.read(request.text).operation(request.operation_name))
        except Unacceptable:
            return False

    def _forbidden(self, document: Document, caller: Caller) -> Mapping[str, tuple[str, ...]]:
        """The fields of the document that are forbidden for this caller. They are computed once per execution and not
        stored.
        """
        if caller.scopes >= document.enough:
            return {}
        forbidden = forbidden_fields(document.needs, caller.scopes)
        if forbidden and self._introspection:
            return {name: missing for name, missing in forbidden.items() if name not in INTROSPECTION}
        return forbidden

    def _refused_whole(
        self, runnable: RunnableOperation, forbidden: Mapping[str, tuple[str, ...]]
    ) -> list[GraphQLError]:
        """The errors for which no part of the operation runs. They include mistakes in the arguments of all mutations:
        a mistake that is found later would hide the outcomes of earlier mutations.
        """
        mutation = runnable.is_mutation
        if not forbidden and not mutation:
            return []
        selector = self._selector(runnable)
        return refused_whole(selector, forbidden, mutation=mutation) or (selector.mistakes() if mutation else [])

    def _helps(self, caller: Caller) -> bool:
        """Whether errors suggest the right name for a misspelt name. Suggestions let a caller read the schema by
        guessing.
        """
        return self._introspection or caller.may(Scope.SCHEMA_READ)

    def _with_variables(
        self, document: Document, operation: OperationDefinitionNode, raw: Mapping[str, Any]
    ) -> RunnableOperation:
        coerced = read_variables(core_schema, document, operation, raw)
        if isinstance(coerced, list):
            raise Unacceptable([_located(error, operation.variable_definitions or ()) for error in coerced])
        return RunnableOperation(document, operation, coerced, raw)

    def _plan(self, runnable: RunnableOperation, *, explain: bool) -> Tally | None:
        asks_live = _LIVE_CLIENT in runnable.document.facts.fields
        if not explain and not asks_live:
            return None
        limits = self._services.limits
        selection = self._selector(runnable).operation()
        plan = predict_calls(selection, limits, self._ports)
        asked = max((plan.keys.get(one.system.value, 0) for one in asks("erp")), default=0)
        if asks_live and asked > limits.live_clients_max:
            raise Unacceptable([_too_many_live(asked, limits)])
        return plan

    def _selector(self, runnable: RunnableOperation) -> Selector:
        return Selector(core_schema, runnable, self._services.limits.page_default)

    async def _execute(self, runnable: RunnableOperation, context: Context) -> ExecutionResult:
        seconds = context.call.deadline.remaining() + _GRACE_SECONDS
        try:
            async with asyncio.timeout(seconds):
                return await self._runner.run(runnable, context)
        except TimeoutError:
            message = "The answer was not ready before the deadline. Select less data, or try again."
            return ExecutionResult(None, [GraphQLError(message, extensions={"code": "DEADLINE_EXCEEDED"})])
        finally:
            context.forget()


def _located(error: GraphQLError, definitions: Sequence[VariableDefinitionNode]) -> GraphQLError:
    """The error with its place, which strawberry's errors about input objects lack. The message names the variable and
    the place in its value, which the messages of the original errors do not.
    """
    cause, extensions = error.original_error, error.extensions
    while isinstance(cause, GraphQLError):
        extensions, cause = cause.extensions or extensions, cause.original_error
    return GraphQLError(error.message, error.nodes or list(definitions), original_error=cause, extensions=extensions)


def _too_many_live(asked: int, limits: GraphLimits) -> GraphQLError:
    return LimitExceeded(
        f"Client.live costs a rate-limited call per client: at most {limits.live_clients_max} in one operation. This "
        f"operation may need {asked}. Select `balances` instead, or a smaller page."
    )


def _refusal(errors: list[GraphQLError], call: Call, *, suggestions: bool = True) -> dict[str, Any]:
    return {"errors": [present(error, call.request_id, suggestions=suggestions) for error in errors]}


def _body(result: ExecutionResult, call: Call, plan: Tally | None) -> dict[str, Any]:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [present(error, call.request_id) for error in result.errors]
    if plan is not None:
        body["extensions"] = {"plan": {"predicted": plan.by_system(), "actual": call.tally.by_system()}}
    return body
