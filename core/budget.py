"""The state of a caller's budget. The budgets return it; the graph and the headers show it."""

import msgspec


class BudgetStanding(msgspec.Struct, frozen=True):
    """The budget after an operation. `limit` and `remaining` are for operations of this kind: queries or mutations."""

    granted: bool
    mutation: bool
    requested: int
    limit: int
    remaining: int
    full_in_seconds: float
    retry_after_seconds: float
