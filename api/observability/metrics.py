from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

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
        self.instructions_writable = Gauge(
            "brokergraph_instructions_writable",
            "1 while instructions can be written, 0 while mutations are refused.",
            registry=self.registry,
        )
        self.withdrawals_below_zero = Gauge(
            "brokergraph_withdrawals_below_zero",
            "Withdrawals of this process after which the account's balance was below zero.",
            registry=self.registry,
        )
        self.books_differences = Gauge(
            "brokergraph_books_differences",
            "Accounts with a difference in the last check of the books by this process.",
            registry=self.registry,
        )

        # The counters of labels are cached, because finding a counter takes as long as counting. There are few labels,
        # because no caller chooses one.
        self._by_status = cache(lambda status: self.requests.labels(str(status)))
        self._by_upstream = cache(self.upstream_calls.labels)
        self._by_origin = cache(self.documents.labels)

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
