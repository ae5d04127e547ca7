"""Metrics of limits that are read at each scrape: admission control, and budgets without their store."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from api.admission.limiter import ConcurrencyLimiter


class _Count(Collector):
    """A counter that another object keeps."""

    def __init__(self, name: str, description: str, read: Callable[[], float]) -> None:
        self._name, self._description, self._read = name, description, read

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._description, value=self._read())


def watch(registry: CollectorRegistry, limiter: ConcurrencyLimiter, budget_fallbacks: Callable[[], int]) -> None:
    """Register the metrics. Requests pay nothing for them."""
    figures = (
        ("brokergraph_requests_in_flight", "Requests that are being answered.", lambda: limiter.in_flight),
        ("brokergraph_requests_running", "Requests that keep the process busy.", lambda: limiter.running),
        ("brokergraph_concurrency_limit", "How many requests may run at the same time.", lambda: limiter.limit),
        (
            "brokergraph_budget_fallbacks",
            "Operations since the start that were charged without the budgets' store, because it did not answer.",
            budget_fallbacks,
        ),
    )
    for name, description, read in figures:
        Gauge(name, description, registry=registry).set_function(read)
    registry.register(_Count("brokergraph_requests_shed", "Requests that were refused unread.", lambda: limiter.shed))
