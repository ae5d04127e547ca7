"""Metrics of a server with several workers: a scrape reaches one worker, which adds what the others have written.

Each worker writes its metrics to a file once a second. The multiprocess mode of prometheus-client is not used, because
it knows no metrics that are read at a scrape, and makes each count a write to a mapped file.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from core.clock import Clock
from core.outage import Outage

log = structlog.get_logger(__name__)

_EVERY_SECONDS: Final = 1.0
# All workers have the same value, or the worst value counts. Other values are added.
_HIGHEST: Final = (
    "brokergraph_build_info",
    "brokergraph_instructions_undecided",
    "brokergraph_instructions_oldest_seconds",
    "brokergraph_reconciler_lag_seconds",
    "brokergraph_sequencer_lag_seconds",
    "brokergraph_webhook_deliveries_waiting",
    "brokergraph_webhook_deliveries_parked",
    "brokergraph_books_differences",
    "brokergraph_replica_lag_seconds",
)
_LOWEST: Final = ("brokergraph_instructions_writable", "brokergraph_replica_used")


class WorkerMetrics:
    """The metrics of this worker and of the others. `folder` None: there is only this one."""

    def __init__(self, registry: CollectorRegistry, folder: Path | None) -> None:
        self._registry = registry
        self._folder = folder

    async def text(self) -> bytes:
        """The metrics of all workers in Prometheus' format."""
        own = generate_latest(self._registry)
        return own if self._folder is None else await asyncio.to_thread(_together, own.decode(), self._folder)

    async def write(self, clock: Clock) -> None:
        """Write the metrics of this worker for the others, until cancelled."""
        outage = Outage(log, "metrics.not_written", "metrics.written_again")
        while self._folder is not None:
            try:
                self._write(self._folder)
            except OSError as error:
                outage.failed(detail=error.strerror)
            else:
                outage.succeeded()
            await clock.sleep(_EVERY_SECONDS)

    def _write(self, folder: Path) -> None:
        aside = folder / f"{os.getpid()}.new"
        aside.write_bytes(generate_latest(self._registry))
        aside.replace(folder / f"{os.getpid()}.prom")


def _together(own: str, folder: Path) -> bytes:
    others = [_counted(path) for path in folder.glob("*.prom") if path.stem != str(os.getpid())]
    together = CollectorRegistry()
    together.register(_Added([own, *others]))
    return generate_latest(together)


def _counted(path: Path) -> str:
    """The metrics of another worker. Of a worker that has ended only the counts remain."""
    text = path.read_text(encoding="utf-8")
    try:
        os.kill(int(path.stem), 0)
    # A process of another user has the number of a worker that has ended.
    except (ProcessLookupError, PermissionError):
        families = text_string_to_metric_families(text)
        remains = CollectorRegistry()
        remains.register(_Families([one for one in families if one.type in {"counter", "histogram"}]))
        return generate_latest(remains).decode()
    return text


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


class _Added(Collector):
    """The metrics of several texts, added."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = texts

    def collect(self) -> Iterator[Metric]:
        values: dict[str, dict[tuple[str, frozenset[tuple[str, str]]], float]] = {}
        families: dict[str, Metric] = {}
        for text in self._texts:
            for family in text_string_to_metric_families(text):
                families.setdefault(family.name, family)
                add, known = _rule(family.name), values.setdefault(family.name, {})
                for sample in family.samples:
                    key = sample.name, frozenset(sample.labels.items())
                    known[key] = sample.value if key not in known else add((known[key], sample.value))
        for name, family in families.items():
            whole = Metric(name, family.documentation, family.type)
            for (sample_name, labels), value in values[name].items():
                whole.add_sample(sample_name, dict(labels), value)
            yield whole


def _rule(name: str) -> Callable[[tuple[float, float]], float]:
    if name in _HIGHEST:
        return max
    return min if name in _LOWEST or name.endswith("_created") else sum
