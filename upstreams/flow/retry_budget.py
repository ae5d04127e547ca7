"""When a read may be tried again."""

# Retries may add a fifth to a vendor's load and no more; the first ten are free, so that a quiet link can retry at all.
BUDGET_SHARE = 0.2
BUDGET_FREE = 10


class RetryBudget:
    """Retries at most 20 % of calls + 10, counted over the last `HALF_LIFE_CALLS` or so: an old calm hour must not
    save up for a storm.
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
        """True, and one less in the budget, where a retry may go out."""
        if self._retries >= self._calls * BUDGET_SHARE + BUDGET_FREE:
            return False
        self._retries += 1
        return True
