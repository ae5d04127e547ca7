"""/metrics in Prometheus' format."""

from starlette.requests import Request
from starlette.responses import Response

from api.observability.ledger_metrics import LedgerMetrics
from api.observability.worker_metrics import WorkerMetrics
from api.pages.access import refusal_for
from api.services import AppServices
from resolvers.policy.scopes import Scope


async def metrics(request: Request) -> Response:
    """The metrics, for the audience of the settings."""
    app_services: AppServices = request.state.app_services
    refusal = await refusal_for(request, app_services.settings.server.metrics, Scope.METRICS_READ)
    if refusal:
        return refusal
    ledger: LedgerMetrics = request.state.ledger_metrics
    workers: WorkerMetrics = request.state.worker_metrics
    await ledger.refresh()
    return Response(await workers.text(), media_type="text/plain; version=0.0.4")
