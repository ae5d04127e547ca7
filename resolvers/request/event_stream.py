"""Runs a subscription: graphql-core opens its source, and each value of the source is one execution.

Streams share the execution for an entry of the log if they have the same selection, and their callers the same
visibility.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import msgspec
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, located_error
from graphql.execution import Executor, create_source_event_stream

from core.call import Call, Tally
from core.shared_tasks import share
from resolvers.context import Caller, Context, Services, StreamContext
from resolvers.policy.errors import present
from resolvers.request.documents import RunnableOperation
from resolvers.request.runners import FieldByField
from resolvers.request.selected_variables import selected_variables

_UNTRACED: Final = nullcontext()
# The records that a value of a stream may have.
_RECORDS: Final = ("account", "client", "instruction")


class CheckedOperation(msgspec.Struct, frozen=True):
    """A checked operation with what a run of it needs."""

    runnable: RunnableOperation
    forbidden: Mapping[str, tuple[str, ...]]
    cost: int
    plan: Tally | None


class StreamAnswer(msgspec.Struct, frozen=True):
    """One answer of a stream. `cursor` is where a stream of the log may continue."""

    body: dict[str, Any]
    cursor: str | None = None


class EventStream:
    """One subscription of one caller."""

    def __init__(self, core: GraphQLSchema, services: Services, prepared: CheckedOperation, caller: Caller) -> None:
        self._core = core
        self._runner = FieldByField(core)
        self._services = services
        self._prepared = prepared
        self._caller = caller
        self._same: Hashable = None
        self._is_audited = False

    async def answers(
        self,
        new_call: Callable[[], Call],
        slot: Callable[[], AbstractContextManager[None]],
        afford: Callable[[], Awaitable[None]],
        resume: str | None,
    ) -> AsyncGenerator[StreamAnswer, None]:
        """The answers. An error of the source is the last answer. Close the generator to end the stream."""
        call = new_call()
        self._is_audited = call.reads is not None
        context = StreamContext(*self._of(call), new_call=new_call, slot=slot, afford=afford, resume=resume)
        source = await self._source(context)
        if isinstance(source, ExecutionResult):
            yield StreamAnswer(body_of(source, call, None))
            return
        try:
            while True:
                try:
                    value = await anext(source)
                except StopAsyncIteration:
                    return
                except Exception as error:  # noqa: BLE001 - the caller gets it, located and masked.
                    yield StreamAnswer(body_of(ExecutionResult(None, [self._located(error)]), new_call(), None))
                    return
                yield StreamAnswer(await self._answer(value, new_call), getattr(value, "cursor", None))
        finally:
            await source.aclose()

    def _of(self, call: Call) -> tuple[Any, ...]:
        fields = self._prepared.runnable.document.facts.fields
        return self._services, self._caller, call, fields, self._prepared.forbidden

    async def _source(self, context: StreamContext) -> Any:
        runnable = self._prepared.runnable
        executor = Executor.build(
            self._core,
            runnable.document.tree,
            context_value=context,
            raw_variable_values=dict(runnable.raw),
            operation_name=runnable.name,
        )
        if isinstance(executor, list):
            return ExecutionResult(None, executor)
        source: Any = create_source_event_stream(executor)
        return source if isinstance(source, ExecutionResult | AsyncIterable) else await source

    async def _answer(self, value: Any, new_call: Callable[[], Call]) -> dict[str, Any]:
        answers = getattr(value, "answers", None)
        # The clients of a shared answer would be noted for one of the streams only.
        if answers is None or self._is_audited:
            return await self._execute(value, new_call())
        if self._same is None:
            self._same = self._sameness()
        return await share(answers, self._same, lambda: self._execute(value, new_call()))

    def _sameness(self) -> Hashable:
        """Equal for streams that give equal answers to an entry. The arguments of the stream itself do not count."""
        runnable, visible = self._prepared.runnable, self._caller.visible
        location = runnable.document.tree.loc
        text = location.source.body if location else id(self)
        variables = selected_variables(runnable.document.tree, runnable.operation, runnable.raw)
        forbidden = frozenset(self._prepared.forbidden.items())
        return text, runnable.name, msgspec.json.encode(variables, order="sorted"), forbidden, visible.of_instructions()

    async def _execute(self, value: Any, call: Call) -> dict[str, Any]:
        context = Context(*self._of(call))
        context.known = getattr(value, "known", {})
        context.note_read([value, *(getattr(value, name, None) for name in _RECORDS)])
        trace = call.trace
        try:
            with _UNTRACED if trace is None else trace.level("Subscription", 1):
                return body_of(await self._runner.run(self._prepared.runnable, context, value), call, None)
        finally:
            context.forget()

    def _located(self, error: Exception) -> GraphQLError:
        operation = self._prepared.runnable.operation
        node: Any = operation.selection_set.selections[0]
        return located_error(error, [node])


def body_of(result: ExecutionResult, call: Call, plan: Tally | None) -> dict[str, Any]:
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [present(error, call.request_id) for error in result.errors]
    if plan is not None:
        tally = call.tally
        shown = {"predicted": plan.by_system(), "actual": tally.by_system(), "milliseconds": tally.milliseconds()}
        body["extensions"] = {"plan": shown}
    return body
