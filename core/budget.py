"""What a caller has left of its budget: told by the budgets' store, shown in the graph and in headers."""

import msgspec


class BudgetStanding(msgspec.Struct, frozen=True):
    """The budget after an operation. `limit` and `remaining` are those of the caller's lane."""

    granted: bool
    mutation: bool
    requested: int
    limit: int
    remaining: int
    full_in_seconds: float
    retry_after_seconds: float
