"""What a caller has left of its budget. The budgets report it; the graph and the headers show it."""

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
