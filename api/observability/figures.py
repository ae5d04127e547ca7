"""Metrics whose values other objects hold. They are read at each scrape, and cost a request nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# The values of a metric by the values of its labels. A metric without labels has the key ().
Values = Mapping[tuple[str, ...], float]


class Figure(NamedTuple):
    """One metric. `read` must not raise."""

    kind: type[CounterMetricFamily | GaugeMetricFamily]
    name: str
    description: str
    labels: Sequence[str]
    read: Callable[[], Values]


class Figures(Collector):
    """The metrics of one process that are read at each scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._figures: list[Figure] = []
        registry.register(self)

    def gauge(self, name: str, description: str, read: Callable[[], float]) -> None:
        self.gauges(name, description, (), lambda: {(): read()})

    def gauges(self, name: str, description: str, labels: Sequence[str], read: Callable[[], Values]) -> None:
        self._figures.append(Figure(GaugeMetricFamily, name, description, labels, read))

    def counter(self, name: str, description: str, read: Callable[[], float]) -> None:
        self.counters(name, description, (), lambda: {(): read()})

    def counters(self, name: str, description: str, labels: Sequence[str], read: Callable[[], Values]) -> None:
        self._figures.append(Figure(CounterMetricFamily, name, description, labels, read))

    def collect(self) -> Iterator[Metric]:
        for figure in self._figures:
            family = figure.kind(figure.name, figure.description, labels=figure.labels)
            for values, value in sorted(figure.read().items()):
                family.add_metric(values, value)
            yield family


def by_one(counts: Mapping[Any, float]) -> Values:
    """The values of a metric with one label."""
    return {(str(value),): count for value, count in counts.items()}
