from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Histogram

from api.observability.figures import Figures, by_one
from core.call import Tally

_BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """The metrics of requests of one process. The counts are plain numbers that a scrape reads, because a counter of
    the library costs a request ten times as much.
    """

    def __init__(self, registry: CollectorRegistry, figures: Figures) -> None:
        self._seconds = Histogram(
            "brokergraph_request_seconds", "Durations of GraphQL requests.", registry=registry, buckets=_BUCKETS
        )

        def counted(name: str, description: str, label: str) -> Counter[Any]:
            counts: Counter[Any] = Counter()
            figures.counters(f"brokergraph_{name}", description, [label], lambda: by_one(counts))
            return counts

        self._requests = counted("requests", "GraphQL requests by HTTP status.", "status")
        self._calls = counted("upstream_calls", "Statements and HTTP calls by upstream.", "upstream")
        self._keys = counted("upstream_keys", "Keys that statements and HTTP calls asked for, by upstream.", "upstream")
        self._documents = counted("documents", "Requests by the source of their document (docs/documents.md).", "from")
        self._operations = counted(
            "operations", "Operations that ran, by the name of a trusted document; `other` for all others.", "operation"
        )
        self._errors = counted("errors", "Errors in answers, by their code.", "code")
        self._cost = 0
        figures.counter("brokergraph_cost", "The cost of operations, charged.", lambda: self._cost)

    def answered(self, status: int, seconds: float) -> None:
        # The number and not the HTTPStatus, which is an int with another text.
        self._requests[int(status)] += 1
        self._seconds.observe(seconds)

    def found(self, origin: str) -> None:
        """Count a request by the source of its document."""
        self._documents[origin] += 1

    def count(self, tally: Tally) -> None:
        """Add the upstream calls of one request."""
        for upstream, calls in tally.calls.items():
            self._calls[upstream] += calls
            self._keys[upstream] += tally.keys[upstream]

    def ran(self, operation: str | None, errors: Iterable[Mapping[str, Any]], cost: int) -> None:
        """Count an operation that ran. `operation` is the name in a trusted document, else None."""
        self._operations[operation or "other"] += 1
        self._cost += cost
        for error in errors:
            self._errors[error["extensions"]["code"]] += 1
