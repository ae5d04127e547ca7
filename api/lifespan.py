"""What lives as long as the application: services, work beside the requests, and the state that requests find in their
scope.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client import CollectorRegistry

from api.admission.limiter import ConcurrencyLimiter
from api.background import running
from api.draining import Draining
from api.graphql.endpoint import GraphQLEndpoint
from api.observability.figures import Figures
from api.observability.ledger_metrics import LedgerMetrics
from api.observability.loop_lag import measure_lag
from api.observability.metrics import Metrics
from api.observability.redaction import known_secrets
from api.observability.worker_metrics import WorkerMetrics
from api.pages.health import Readiness
from api.process_metrics import watch_process
from api.services import open_app_services
from api.settings.settings import Settings
from api.streams.event_stream import EventStreams
from api.streams.operations import Operations
from core.clock import Clock

if TYPE_CHECKING:
    from api.observability.tracing import Tracing


class Hosting(NamedTuple):
    """What the server that runs the application gives it. `metrics_folder` is where several workers write their
    metrics.
    """

    draining: Draining
    metrics_folder: Path | None = None


@asynccontextmanager
async def open_state_of_requests(
    settings: Settings, clock: Clock, limiter: ConcurrencyLimiter, hosting: Hosting
) -> AsyncIterator[Mapping[str, Any]]:
    """The state of the scope, by its names."""
    async with open_app_services(settings, clock) as services, AsyncExitStack() as stack:
        registry, readiness = CollectorRegistry(), Readiness()
        stack.push_async_callback(readiness.aclose)
        tracing = _open_tracing(settings, stack)
        operations = Operations(services, limiter, tracing)
        streams = EventStreams(operations, settings.streams.heartbeat_seconds)
        figures = Figures(registry)
        watch_process(figures, services, limiter, operations)
        workers = WorkerMetrics(registry, hosting.metrics_folder)
        await stack.enter_async_context(running(measure_lag(registry), workers.write(clock)))
        work = operations.sessions.watch(clock.sleep), streams.heartbeat.run(clock.sleep)
        await stack.enter_async_context(running(*work))
        yield {
            "app_services": services,
            "readiness": readiness,
            "graphql": GraphQLEndpoint(services, Metrics(registry, figures), streams, tracing),
            "ledger_metrics": LedgerMetrics(figures, services.upstreams.state.ledger_figures, clock),
            "worker_metrics": workers,
            "operations": operations,
            "draining": hosting.draining,
        }


def _open_tracing(settings: Settings, stack: AsyncExitStack) -> "Tracing | None":
    if not settings.tracing.enabled:
        return None
    # The library is an extra, and takes a tenth of a second to import.
    from api.observability.tracing import Tracing

    tracing = Tracing(settings.tracing, known_secrets(settings))
    stack.push_async_callback(asyncio.to_thread, tracing.close)
    return tracing
