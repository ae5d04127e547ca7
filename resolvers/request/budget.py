"""Checks the cost of an operation against the limit, and charges its caller's budget, before the operation runs."""

import math
from datetime import datetime, timedelta
from typing import Any

from graphql import GraphQLError, GraphQLSchema

from core.call import BudgetStanding
from resolvers.context import Caller, GraphLimits
from resolvers.request.cost import CostExceeded, Costs
from resolvers.request.documents import RunnableOperation, Unacceptable
from upstreams.state.budgets.budgets import Budgets

# Because parsing and validating a document costs time, a refused document is charged too.
_REFUSED_DOCUMENT = 1


class BudgetExceeded(GraphQLError):
    """The caller's remaining budget is too small. The operation did not run and was not charged."""

    def __init__(self, standing: BudgetStanding) -> None:
        seconds = math.ceil(standing.retry_after_seconds)
        repeat = " with the same idempotency key" if standing.mutation else ""
        message = (
            f"The operation costs {standing.requested}. Of the budget of {standing.limit} only "
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
    """Computes and charges costs. `budgets` None: callers have no budgets."""

    def __init__(self, schema: GraphQLSchema, limits: GraphLimits, budgets: Budgets | None) -> None:
        self._costs = Costs(schema, limits.page_default)
        self._limit = limits.cost_max
        self._budgets = budgets

    def cost(self, runnable: RunnableOperation) -> int:
        """The cost of the operation, at least 1. Raises Unacceptable if it is above the limit for one operation."""
        cost = self._costs.of(runnable)
        if cost.total > self._limit:
            raise Unacceptable([CostExceeded(cost, self._limit)])
        return max(1, cost.total)

    async def spend(self, caller: Caller, cost: int, *, mutation: bool) -> BudgetStanding | None:
        if self._budgets is None:
            return None
        return await self._budgets.spend(caller.principal, cost, mutation=mutation)

    async def spend_for_refusal(self, caller: Caller) -> BudgetStanding | None:
        """Charge a refused document. The document is refused whether or not the budget is large enough."""
        return await self.spend(caller, _REFUSED_DOCUMENT, mutation=False)


def cost_extension(standing: BudgetStanding, now: datetime) -> dict[str, Any]:
    """The content of `extensions.cost`, for requests that ask for it."""
    resets_at = now + timedelta(seconds=standing.full_in_seconds)
    return {
        "requested": standing.requested,
        "limit": standing.limit,
        "remaining": standing.remaining,
        "resetsAt": resets_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
