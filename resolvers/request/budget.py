"""An operation's cost is held against the limit and taken from its caller's budget, before it runs."""

import math
from datetime import datetime, timedelta
from typing import Any

from graphql import GraphQLError, GraphQLSchema

from core.budget import BudgetStanding
from resolvers.context import Caller, GraphLimits
from resolvers.request.cost import CostExceeded, Costs
from resolvers.request.documents import RunnableOperation, Unacceptable
from upstreams.state.budgets.budgets import Budgets

# A document that cannot be executed was parsed and validated, which costs as well.
_REFUSED_DOCUMENT = 1


class BudgetExceeded(GraphQLError):
    """The caller has not enough left; nothing has run and nothing was taken."""

    def __init__(self, standing: BudgetStanding) -> None:
        seconds = math.ceil(standing.retry_after_seconds)
        repeat = " with the same idempotency key" if standing.mutation else ""
        message = (
            f"The operation costs {standing.requested}, and of this minute's {standing.limit} only "
            f"{standing.remaining} is left. Nothing was done; repeat it{repeat} in {seconds} s."
        )
        extensions = {
            "code": "BUDGET_EXCEEDED",
            "cost": standing.requested,
            "limit": standing.limit,
            "remaining": standing.remaining,
            "retryAfterSeconds": seconds,
        }
        super().__init__(message, extensions=extensions)


class Charging:
    """`budgets` None: nothing limits callers."""

    def __init__(self, schema: GraphQLSchema, limits: GraphLimits, budgets: Budgets | None) -> None:
        self._costs = Costs(schema, limits.page_default)
        self._limit = limits.cost_max
        self._budgets = budgets

    def cost(self, runnable: RunnableOperation) -> int:
        """The operation's cost, at least 1. Raises Unacceptable where it is more than one operation may cost."""
        cost = self._costs.of(runnable)
        if cost.total > self._limit:
            raise Unacceptable([CostExceeded(cost, self._limit)])
        return max(1, cost.total)

    async def spend(self, caller: Caller, cost: int, *, mutation: bool) -> BudgetStanding | None:
        if self._budgets is None:
            return None
        return await self._budgets.spend(caller.principal, cost, mutation=mutation)

    async def spend_for_refusal(self, caller: Caller) -> BudgetStanding | None:
        """What reading a document costs that is refused; the refusal stands whatever is left."""
        return await self.spend(caller, _REFUSED_DOCUMENT, mutation=False)


def cost_extension(standing: BudgetStanding, now: datetime) -> dict[str, Any]:
    """`extensions.cost`, for requests that ask for it."""
    resets_at = now + timedelta(seconds=standing.full_in_seconds)
    return {
        "requested": standing.requested,
        "limit": standing.limit,
        "remaining": standing.remaining,
        "resetsAt": resets_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
