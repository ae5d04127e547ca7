"""Metrics of streams and webhooks, which are read at each scrape."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from api.streams.operations import Operations


class _Counts(Collector):
    """A counter with one label. Another object has its values."""

    def __init__(self, name: str, description: str, label: str, read: Callable[[], Mapping[Any, int]]) -> None:
        self._name, self._description, self._label, self._read = name, description, label, read

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(self._name, self._description, labels=[self._label])
        for value, count in sorted(self._read().items()):
            family.add_metric([str(value)], count)
        yield family


def watch_streams(registry: CollectorRegistry, operations: Operations) -> None:
    """Register the metrics. They cost a stream nothing."""
    Gauge("brokergraph_streams", "Open streams.", registry=registry).set_function(lambda: operations.slots.taken)
    registry.register(_Counts("brokergraph_streams_ended", "Streams that ended.", "reason", lambda: operations.ended))
    registry.register(
        _Counts("brokergraph_streams_refused", "Streams that did not begin.", "code", lambda: operations.refused)
    )


def watch_webhooks(registry: CollectorRegistry, outcomes: Mapping[str, int]) -> None:
    """Register the counter of deliveries."""
    registry.register(
        _Counts("brokergraph_webhook_deliveries", "Attempts to deliver an event.", "outcome", lambda: outcomes)
    )
