"""Metrics that are read at each scrape: admission control, and budgets while their store does not answer."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from api.admission.limiter import ConcurrencyLimiter


class _Count(Collector):
    """A counter whose value is in another object."""

    def __init__(self, name: str, description: str, read: Callable[[], float]) -> None:
        self._name, self._description, self._read = name, description, read

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._description, value=self._read())


def watch(registry: CollectorRegistry, limiter: ConcurrencyLimiter, budget_fallbacks: Callable[[], int]) -> None:
    """Register the metrics. They cost a request nothing."""
    figures = (
        ("brokergraph_requests_in_flight", "Requests that are being answered.", lambda: limiter.in_flight),
        ("brokergraph_requests_running", "Requests that hold a slot.", lambda: limiter.running),
        (
            "brokergraph_concurrency_limit",
            "The number of requests that may hold a slot at the same time.",
            lambda: limiter.limit,
        ),
        (
            "brokergraph_budget_fallbacks",
            "Operations since the start that were charged in this process, because the budgets' store did not answer.",
            budget_fallbacks,
        ),
    )
    for name, description, read in figures:
        Gauge(name, description, registry=registry).set_function(read)
    registry.register(
        _Count(
            "brokergraph_requests_shed", "Requests that were refused before their body was read.", lambda: limiter.shed
        )
    )
