"""/metrics in Prometheus' format."""

from prometheus_client import generate_latest
from starlette.requests import Request
from starlette.responses import Response

from api.observability.metrics import Metrics
from api.pages.access import refusal_for
from api.services import AppServices
from resolvers.policy.scopes import Scope


async def metrics(request: Request) -> Response:
    """The metrics, for the audience of the settings."""
    app_services: AppServices = request.state.app_services
    refusal = await refusal_for(request, app_services.settings.server.metrics, Scope.METRICS_READ)
    measured: Metrics = request.state.metrics
    measured.withdrawals_below_zero.set(app_services.below_zero.count)
    measured.books_differences.set(app_services.books.differences)
    measured.instructions_writable.set(app_services.upstreams.state.ledger.access.available)
    return refusal or Response(generate_latest(measured.registry), media_type="text/plain; version=0.0.4")
