from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from core.call import Tally

_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """The metrics of one process. The registry is a parameter, so that each test has its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "brokergraph_requests_total", "GraphQL requests by HTTP status.", ["status"], registry=self.registry
        )
        self.seconds = Histogram(
            "brokergraph_request_seconds", "Durations of GraphQL requests.", registry=self.registry, buckets=_BUCKETS
        )
        self.upstream_calls = Counter(
            "brokergraph_upstream_calls_total",
            "Statements and HTTP calls by upstream.",
            ["upstream"],
            registry=self.registry,
        )
        self.documents = Counter(
            "brokergraph_documents_total",
            "Requests by the source of their document (docs/documents.md).",
            ["from"],
            registry=self.registry,
        )
        self.upstream_keys = Counter(
            "brokergraph_upstream_keys_total",
            "Keys that statements and HTTP calls asked for, by upstream.",
            ["upstream"],
            registry=self.registry,
        )
        self.operations = Counter(
            "brokergraph_operations_total",
            "Operations that ran, by the name of a trusted document; `other` for all others.",
            ["operation"],
            registry=self.registry,
        )
        self.errors = Counter(
            "brokergraph_errors_total", "Errors in answers, by their code.", ["code"], registry=self.registry
        )
        self.cost = Counter("brokergraph_cost_total", "The cost of operations, charged.", registry=self.registry)

        # The counters of labels are cached, because finding a counter takes as long as counting. There are few labels,
        # because no caller chooses one.
        self._by_status = cache(lambda status: self.requests.labels(str(status)))
        self._by_upstream = cache(self.upstream_calls.labels)
        self._keys_by_upstream = cache(self.upstream_keys.labels)
        self._by_origin = cache(self.documents.labels)
        self._by_operation = cache(self.operations.labels)
        self._by_code = cache(self.errors.labels)

    def answered(self, status: int, seconds: float) -> None:
        self._by_status(status).inc()
        self.seconds.observe(seconds)

    def found(self, origin: str) -> None:
        """Count a request by the source of its document."""
        self._by_origin(origin).inc()

    def count(self, tally: Tally) -> None:
        """Add the upstream calls of one request."""
        for upstream, calls in tally.calls.items():
            self._by_upstream(upstream).inc(calls)
            self._keys_by_upstream(upstream).inc(tally.keys[upstream])

    def ran(self, operation: str | None, errors: Iterable[Mapping[str, Any]], cost: int) -> None:
        """Count an operation that ran. `operation` is the name in a trusted document, else None."""
        self._by_operation(operation or "other").inc()
        self.cost.inc(cost)
        for error in errors:
            self._by_code(error["extensions"]["code"]).inc()
