"""Metrics of the ledger. They are the same in all processes, because the state database has them."""

from functools import partial
from typing import Final

from api.observability.figures import Figures, Values
from core.clock import Clock
from core.errors import UpstreamError
from upstreams.state.ledger_figures import LedgerFigures, LedgerState

# Several scrapers share a reading.
_SHARED_SECONDS: Final = 5.0
_LAGS: Final = {
    "reconciler_seconds": (
        "brokergraph_reconciler_lag_seconds",
        "How long the first due instruction has waited for the reconciler.",
    ),
    "sequencer_seconds": (
        "brokergraph_sequencer_lag_seconds",
        "How long the first committed event has waited for its number in the log.",
    ),
    "webhooks_waiting": ("brokergraph_webhook_deliveries_waiting", "Events that receivers have not taken yet."),
    "webhooks_parked": ("brokergraph_webhook_deliveries_parked", "Events that are not sent again without `replay`."),
}


class LedgerMetrics:
    """While the state database does not answer, the metrics have no values."""

    def __init__(self, figures: Figures, ledger: LedgerFigures, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._state: LedgerState | None = None
        self._read_at = float("-inf")
        statuses = "Undecided instructions by status.", "The age of the oldest undecided instruction by status."
        figures.gauges("brokergraph_instructions_undecided", statuses[0], ["status"], self._numbers)
        figures.gauges("brokergraph_instructions_oldest_seconds", statuses[1], ["status"], self._ages)
        for field, (name, description) in _LAGS.items():
            figures.gauges(name, description, (), partial(self._lag, field))

    async def refresh(self) -> None:
        """Read the figures again if the last reading is old. Call it before a scrape."""
        if self._clock.monotonic() - self._read_at < _SHARED_SECONDS:
            return
        self._read_at = self._clock.monotonic()
        try:
            self._state = await self._ledger.read()
        except UpstreamError:
            self._state = None

    def _numbers(self) -> Values:
        return {(status,): found.number for status, found in self._state.undecided.items()} if self._state else {}

    def _ages(self) -> Values:
        found = self._state.undecided if self._state else {}
        return {(status,): one.oldest_seconds for status, one in found.items()}

    def _lag(self, field: str) -> Values:
        return {(): getattr(self._state, field)} if self._state else {}
