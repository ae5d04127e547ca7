"""The retry budget of one vendor connection: bounds the additional load of repeated reads."""

# Retries add at most a fifth to a vendor's load. Ten are free, so that a link with few calls can retry at all.
BUDGET_SHARE = 0.2
BUDGET_FREE = 10


class RetryBudget:
    """Allows retries of at most 20 % of the calls, and 10 more.

    Older calls count less: both counts are halved after each `HALF_LIFE_CALLS` calls. Many successful calls in the past
    therefore do not allow many retries later.
    """

    HALF_LIFE_CALLS = 1000

    def __init__(self) -> None:
        self._calls = 0
        self._retries = 0

    def record_call(self) -> None:
        self._calls += 1
        if self._calls >= self.HALF_LIFE_CALLS:
            self._calls //= 2
            self._retries //= 2

    def take(self) -> bool:
        """Take one retry from the budget. False if the budget is empty."""
        if self._retries >= self._calls * BUDGET_SHARE + BUDGET_FREE:
            return False
        self._retries += 1
        return True
