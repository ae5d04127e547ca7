"""What operators see of limits besides metrics.py: how full the house is, and budgets that miss their store."""

from prometheus_client import CollectorRegistry, Gauge

from api.admission.limiter import ConcurrencyLimiter
from upstreams.state.budgets.budgets import Budgets


def watch(registry: CollectorRegistry, gate: ConcurrencyLimiter, budgets: Budgets | None) -> None:
    """Read when somebody asks, so that a request pays nothing for it."""
    figures = (
        ("brokergraph_requests_present", "Requests that are being answered.", lambda: gate.present),
        ("brokergraph_requests_running", "Requests that keep the process busy.", lambda: gate.running),
        ("brokergraph_places", "How many requests may run at once.", lambda: gate.places),
        ("brokergraph_shed_requests", "Requests that were turned away since the start.", lambda: gate.shed),
        (
            "brokergraph_budget_fallbacks",
            "Operations charged without the budgets' store, which was away, since the start.",
            lambda: 0 if budgets is None else budgets.fallbacks,
        ),
    )
    for name, description, read in figures:
        Gauge(name, description, registry=registry).set_function(read)
