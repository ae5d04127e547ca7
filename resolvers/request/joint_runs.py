"""Requests that arrive together run together: one run of the engine for all of them (engine/joint_run.py).

Requests join if they have the same plan and the same values of all variables below the root field, and if their callers
see the same and have the same scopes. Costs, budgets, deadlines, cancellation and errors stay each request's own. A
request that is alone in the process does not wait for others.
"""

import asyncio
import logging
from collections.abc import Hashable, Sequence
from contextvars import copy_context
from functools import partial

from graphql import Undefined
from graphql.execution.values import VariableValues
from msgspec.structs import replace
from typing_extensions import override

from core.call import Tally
from core.lifetime import JointSlot, Lifetime
from core.turns import after_arrivals
from engine import Engine, JointField, Outcome, Plan, Variant, freeze
from resolvers.context import Context

log = logging.getLogger(__name__)


class _Member:
    """A request that waits for its outcome in a joint run."""

    __slots__ = ("context", "outcome", "variables")

    def __init__(self, variables: VariableValues, context: Context, loop: asyncio.AbstractEventLoop) -> None:
        self.variables = variables
        self.context = context
        self.outcome: asyncio.Future[Outcome | None] = loop.create_future()


class _PendingRun:
    """A run and its members: those that gather, and from its start those that it runs for."""

    def __init__(self, key: Hashable, plan: Plan, variant: Variant, joint: JointField) -> None:
        self.key = key
        self.plan = plan
        self.variant = variant
        self.joint = joint
        self.members: list[_Member] = []
        self.task: asyncio.Task[None] | None = None
        self._slot: JointSlot | None = None
        # In the log, the run belongs to its first member.
        self.log_context = copy_context()

    def count(self) -> int:
        return len(self.members)

    def leave(self, member: _Member) -> None:
        """A member ends without an outcome. The run is cancelled if no other member waits."""
        if self.task is None:
            self.members.remove(member)
            return
        if self._slot is not None:
            self._slot.leave(member.context.call.lifetime)
        if all(one.outcome.done() for one in self.members):
            self.task.cancel()

    def context(self) -> Context:
        """A context for all members: that of the first one, with the earliest deadline."""
        first = self.members[0].context
        calls = [member.context.call for member in self.members]
        # The slot of a request that has left meanwhile belongs to another request.
        self._slot = JointSlot(member.context.call.lifetime for member in self.members if not member.outcome.done())
        call = replace(
            first.call,
            deadline=min((call.deadline for call in calls), key=lambda deadline: deadline.at),
            tally=_JointTally(self.members),
            lifetime=Lifetime(self._slot),
            may_lag=all(call.may_lag for call in calls),
        )
        return Context(first.services, first.caller, call, first.fields)

    def deliver(self, number: int, outcome: Outcome | None) -> None:
        member = self.members[number]
        if not member.outcome.done():
            member.outcome.set_result(outcome)
            if self._slot is not None:
                self._slot.leave(member.context.call.lifetime)

    def leave_rest_alone(self) -> None:
        """All members without an outcome have to run alone."""
        for number in range(len(self.members)):
            self.deliver(number, None)


class _JointTally(Tally):
    """Counts each call for one request that still waits, so that the sum over all requests is the number of calls."""

    def __init__(self, members: Sequence[_Member]) -> None:
        super().__init__()
        self._members = members

    @override
    def add(self, system: str, calls: int, keys: int) -> None:
        present = [member for member in self._members if not member.outcome.done()] or self._members[:1]
        for number, member in enumerate(present):
            # The other requests have used 0 calls, which their log lines report.
            member.context.call.tally.add(system, *((0, 0) if number else (calls, keys)))


class JointRuns:
    """The joint runs of the process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._gathering: dict[Hashable, _PendingRun] = {}

    async def outcome(
        self, plan: Plan, variant: Variant, joint: JointField, variables: VariableValues, context: Context
    ) -> Outcome | None:
        """The outcome of the request in a joint run; None if the request has to run alone."""
        loop = asyncio.get_running_loop()
        inner = tuple([freeze(variables.coerced.get(name, Undefined)) for name in joint.inner_variables])
        caller = context.caller
        key = (id(joint), inner, caller.scopes, caller.agencies, caller.client_number, caller.principal)
        run = self._gathering.get(key)
        if run is None:
            run = self._gathering[key] = _PendingRun(key, plan, variant, joint)
            after_arrivals(loop, run.count, partial(self._start, run, loop))
        member = _Member(variables, context, loop)
        run.members.append(member)
        if len(run.members) == joint.rendering.most_requests:
            self._start(run, loop)
        try:
            return await member.outcome
        except asyncio.CancelledError:
            run.leave(member)
            raise

    def _start(self, run: _PendingRun, loop: asyncio.AbstractEventLoop) -> None:
        if run.task is not None or self._gathering.get(run.key) is not run:
            return
        del self._gathering[run.key]
        if len(run.members) == 1:
            run.leave_rest_alone()
        elif run.members:
            run.task = loop.create_task(self._run(run), context=run.log_context)

    async def _run(self, run: _PendingRun) -> None:
        context = run.context()
        variables = [member.variables for member in run.members]
        try:
            await self._engine.run_together(run.plan, run.variant, run.joint, variables, context, run.deliver)
        except Exception:
            log.exception("A joint run failed; each of its requests runs alone.")
        finally:
            context.forget()
            run.leave_rest_alone()
