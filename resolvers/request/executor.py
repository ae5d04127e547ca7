"""Runs one GraphQL request, from its text to its answer."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
)
from msgspec.structs import replace

from core.call import Call, Tally
from resolvers.context import Caller, Context, Services
from resolvers.policy.authorization import INTROSPECTION, forbidden_fields
from resolvers.policy.directives import asks
from resolvers.policy.errors import BadUserInput
from resolvers.policy.scopes import Scope
from resolvers.request.budget import BudgetExceeded, Charging, cost_extension
from resolvers.request.call_plan import ports_of, predict_calls
from resolvers.request.document_limits import DocumentLimits
from resolvers.request.documents import Document, Documents, RunnableOperation, Unacceptable, is_mutation
from resolvers.request.event_stream import CheckedOperation, EventStream, StreamAnswer, body_of
from resolvers.request.graphql_request import GraphQLRequest, GraphQLResponse
from resolvers.request.refusals import located, refusal, too_many_live
from resolvers.request.refused_mutations import refused_whole
from resolvers.request.runners import Runner
from resolvers.request.selection import Selector
from resolvers.request.variables import read_variables

# Upstream calls end at the deadline. The additional time-out is for other code that hangs.
_GRACE_SECONDS = 2.0
_LIVE_CLIENT = "Client.live"
_BY_POST = "A mutation is sent by POST, never by GET."
_BY_STREAM = "A subscription needs a stream: a WebSocket, or the header Accept: text/event-stream."
_NO_STREAM = "Only a subscription is sent as a stream."
# The pause before a stream whose caller has no budget tries again.
_SHORTEST_WAIT_SECONDS = 0.1


class Executor:
    """Runs requests against a schema. The process has one executor."""

    def __init__(
        self,
        services: Services,
        limits: DocumentLimits,
        core: GraphQLSchema,
        runner: Runner,
        *,
        introspection: bool,
    ) -> None:
        self._services = services
        self._core = core
        self._runner = runner
        self._documents = Documents(self._core, limits, introspection=True)
        self._introspection = introspection
        self._ports = ports_of(services.upstreams.platforms.values())
        self._charging = Charging(self._core, services.limits, services.upstreams.budgets)

    async def run(
        self, request: GraphQLRequest, caller: Caller, call: Call, *, may_mutate: bool = True
    ) -> GraphQLResponse:
        """Answer a query or mutation. The only error that a caller can cause is ClientDisconnected, for a query."""
        prepared = await self._prepare(request, caller, call, may_mutate=may_mutate)
        if isinstance(prepared, GraphQLResponse):
            return prepared
        runnable = prepared.runnable
        if runnable.is_subscription:
            return await self._refused([BadUserInput(_BY_STREAM)], caller, call)
        standing = await self._charging.spend(caller, prepared.cost, mutation=runnable.is_mutation)
        if standing is not None and not standing.granted:
            body = refusal([BudgetExceeded(standing)], call)
            return GraphQLResponse(body, executed=False, refused_budget=True, standing=standing)
        if request.explain:
            call.tally.seconds = defaultdict(float)
        replicas = self._services.upstreams.replicas
        if replicas and not runnable.is_mutation:
            call = replace(call, may_lag=True)
        fields = runnable.document.facts.fields
        context = Context(self._services, caller, call, fields, prepared.forbidden, standing, explain=request.explain)
        with nullcontext() if runnable.is_mutation else call.lifetime.cancellable():
            result = await self._execute(runnable, context)
        if replicas and runnable.is_mutation:
            with call.lifetime.waiting_for_vendor():
                await asyncio.gather(*(replica.show_writes() for replica in replicas))
        body = body_of(result, call, prepared.plan if request.explain else None)
        if request.show_cost and standing is not None:
            body.setdefault("extensions", {})["cost"] = cost_extension(standing, self._services.clock.now())
        return GraphQLResponse(body, executed=True, standing=standing, operation=runnable.name)

    async def subscribe(
        self,
        request: GraphQLRequest,
        caller: Caller,
        new_call: Callable[[], Call],
        slot: Callable[[], AbstractContextManager[None]],
        resume: str | None = None,
    ) -> AsyncGenerator[StreamAnswer, None] | GraphQLResponse:
        """The answers of a subscription, or its refusal. `slot` reserves the place of the stream, and raises
        GraphQLError if there is none. `resume` is a cursor that counts more than the argument `after`.
        """
        call = new_call()
        prepared = await self._prepare(request, caller, call, may_mutate=False)
        if isinstance(prepared, GraphQLResponse):
            return prepared
        if not prepared.runnable.is_subscription:
            return await self._refused([BadUserInput(_NO_STREAM)], caller, call)
        await self._charging.spend_for_refusal(caller)
        stream = EventStream(self._core, self._services, prepared, caller)
        return stream.answers(new_call, slot, partial(self._afford, caller, prepared.cost), resume)

    async def _prepare(
        self, request: GraphQLRequest, caller: Caller, call: Call, *, may_mutate: bool
    ) -> CheckedOperation | GraphQLResponse:
        """All steps before the operation runs, or the refusal."""
        try:
            document = self._documents.read(request.text)
            operation = document.operation(request.operation_name)
            if is_mutation(operation) and not may_mutate:
                return await self._refused([BadUserInput(_BY_POST)], caller, call, refused_method=True)
            runnable = self._with_variables(document, operation, request.variables or {})
            forbidden = self._forbidden(document, caller)
            if refused := self._refused_whole(runnable, forbidden):
                body = {"data": None} | refusal(refused, call)
                return GraphQLResponse(body, executed=True, standing=await self._charging.spend_for_refusal(caller))
            cost = self._charging.cost(runnable)
            return CheckedOperation(runnable, forbidden, cost, self._plan(runnable, explain=request.explain))
        except Unacceptable as error:
            return await self._refused(error.errors, caller, call, suggestions=self._helps(caller))

    async def _refused(
        self,
        errors: list[GraphQLError],
        caller: Caller,
        call: Call,
        *,
        suggestions: bool = True,
        refused_method: bool = False,
    ) -> GraphQLResponse:
        standing = await self._charging.spend_for_refusal(caller)
        body = refusal(errors, call, suggestions=suggestions)
        return GraphQLResponse(body, executed=False, refused_method=refused_method, standing=standing)

    async def _afford(self, caller: Caller, cost: int) -> None:
        """Charge the cost to the caller's budget. Waits while the budget is exhausted."""
        while (standing := await self._charging.spend(caller, cost, mutation=False)) and not standing.granted:
            await self._services.clock.sleep(max(standing.retry_after_seconds, _SHORTEST_WAIT_SECONDS))

    @property
    def cached_documents(self) -> int:
        """The number of documents in the cache, with their plans."""
        return self._documents.cached

    def kind_of(self, request: GraphQLRequest) -> str | None:
        """`query`, `mutation` or `subscription`; None for a request that cannot be executed."""
        try:
            return self._documents.read(request.text).operation(request.operation_name).operation.value
        except Unacceptable:
            return None

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
        return refused_whole(selector, forbidden, runnable.operation.operation) or (
            selector.mistakes() if mutation else []
        )

    def _helps(self, caller: Caller) -> bool:
        """Whether errors suggest the right name for a misspelt name. Suggestions let a caller read the schema by
        guessing.
        """
        return self._introspection or caller.may(Scope.SCHEMA_READ)

    def _with_variables(
        self, document: Document, operation: OperationDefinitionNode, raw: Mapping[str, Any]
    ) -> RunnableOperation:
        coerced = read_variables(self._core, document, operation, raw)
        if isinstance(coerced, list):
            raise Unacceptable([located(error, operation.variable_definitions or ()) for error in coerced])
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
            raise Unacceptable([too_many_live(asked, limits)])
        return plan

    def _selector(self, runnable: RunnableOperation) -> Selector:
        return Selector(self._core, runnable, self._services.limits.page_default)

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
