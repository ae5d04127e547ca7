"""The panels of the dashboard, from which scripts/monitoring.py makes docker/monitoring/grafana.json."""

from collections.abc import Mapping
from typing import NamedTuple


class Panel(NamedTuple):
    """A diagram of the dashboard. `unit` is a unit of Grafana."""

    title: str
    unit: str
    queries: Mapping[str, str]
    """The legend and its query."""


_OUTCOMES = "brokergraph_upstream_outcomes_total"
_SECONDS = "brokergraph_request_seconds_bucket"
_LAG = "brokergraph_event_loop_lag_seconds_bucket"

ROWS: Mapping[str, tuple[Panel, ...]] = {
    "Requests": (
        Panel("Requests by status", "reqps", {"{{status}}": "sum by (status) (rate(brokergraph_requests_total[5m]))"}),
        Panel(
            "Duration of requests",
            "s",
            {
                "median": f"histogram_quantile(0.5, sum by (le) (rate({_SECONDS}[5m])))",
                "99 %": f"histogram_quantile(0.99, sum by (le) (rate({_SECONDS}[5m])))",
            },
        ),
        Panel("Errors by code", "ops", {"{{code}}": "sum by (code) (rate(brokergraph_errors_total[5m]))"}),
        Panel(
            "Operations",
            "ops",
            {"{{operation}}": "topk(10, sum by (operation) (rate(brokergraph_operations_total[5m])))"},
        ),
        Panel("Sources of documents", "ops", {"{{from}}": "sum by (from) (rate(brokergraph_documents_total[5m]))"}),
        Panel("Cost charged", "short", {"cost a second": "sum(rate(brokergraph_cost_total[5m]))"}),
    ),
    "Load": (
        Panel(
            "Requests of each server",
            "short",
            {
                "{{instance}} running": "brokergraph_requests_running",
                "{{instance}} waiting": "brokergraph_requests_waiting",
                "{{instance}} limit": "brokergraph_concurrency_limit",
            },
        ),
        Panel(
            "Mean wait for a slot",
            "s",
            {
                "wait": "sum(rate(brokergraph_request_wait_seconds_total[5m]))"
                " / sum(rate(brokergraph_request_waits_total[5m]))"
            },
        ),
        Panel("Requests shed", "reqps", {"{{instance}}": "rate(brokergraph_requests_shed_total[5m])"}),
        Panel(
            "Event loop lag, 99 %",
            "s",
            {"{{instance}}": f"histogram_quantile(0.99, sum by (le, instance) (rate({_LAG}[5m])))"},
        ),
        Panel("Documents in the cache", "short", {"{{instance}}": "brokergraph_documents_cached"}),
        Panel("Servers by version", "short", {"{{version}}": "count by (version) (brokergraph_build_info)"}),
    ),
    "Upstreams": (
        Panel("Calls", "ops", {"{{upstream}}": "sum by (upstream) (rate(brokergraph_upstream_calls_total[5m]))"}),
        Panel(
            "Keys of one call",
            "short",
            {
                "{{upstream}}": "sum by (upstream) (rate(brokergraph_upstream_keys_total[5m]))"
                " / sum by (upstream) (rate(brokergraph_upstream_calls_total[5m]))"
            },
        ),
        Panel(
            "Failures by reason",
            "ops",
            {
                "{{upstream}} {{connection}} {{outcome}}": "sum by (upstream, connection, outcome) "
                f'(rate({_OUTCOMES}{{outcome!="answered"}}[5m]))'
            },
        ),
        Panel(
            "Upstreams that are not UP",
            "short",
            {
                "{{upstream}} {{connection}} {{state}}": "sum by (upstream, connection, state) "
                '(brokergraph_upstream_state{state!="UP"})'
            },
        ),
        Panel(
            "Reads by server, with a read replica",
            "ops",
            {
                "{{database}} {{target}}": "sum by (database, target) (rate(brokergraph_replica_reads_total[5m]))",
                "{{database}} {{reason}}": "sum by (database, reason) (rate(brokergraph_replica_fallbacks_total[5m]))",
            },
        ),
        Panel("Age of the read replica", "s", {"{{database}}": "max by (database) (brokergraph_replica_lag_seconds)"}),
        Panel(
            "Connections of the pools",
            "short",
            {"{{database}} {{state}}": "sum by (database, state) (brokergraph_database_connections)"},
        ),
    ),
    "Instructions": (
        Panel("Undecided", "short", {"{{status}}": "max by (status) (brokergraph_instructions_undecided)"}),
        Panel("The oldest", "s", {"{{status}}": "max by (status) (brokergraph_instructions_oldest_seconds)"}),
        Panel(
            "Lag",
            "s",
            {
                "reconciler": "max(brokergraph_reconciler_lag_seconds)",
                "sequencer": "max(brokergraph_sequencer_lag_seconds)",
            },
        ),
        Panel("Servers that can write", "short", {"servers": "sum(brokergraph_instructions_writable)"}),
        Panel(
            "Findings",
            "short",
            {
                "withdrawals below zero": "sum(brokergraph_withdrawals_below_zero)",
                "accounts that differ": "max(brokergraph_books_differences)",
                "budgets of one process": "sum(brokergraph_budget_fallbacks)",
            },
        ),
    ),
    "Streams and webhooks": (
        Panel("Open streams", "short", {"{{instance}}": "brokergraph_streams"}),
        Panel("Ends", "ops", {"{{reason}}": "sum by (reason) (rate(brokergraph_streams_ended_total[5m]))"}),
        Panel("Refusals", "ops", {"{{code}}": "sum by (code) (rate(brokergraph_streams_refused_total[5m]))"}),
        Panel("Keys of polls", "short", {"{{poll}}": "sum by (poll) (brokergraph_polled_keys)"}),
        Panel(
            "Deliveries",
            "ops",
            {"{{outcome}}": "sum by (outcome) (rate(brokergraph_webhook_deliveries_total[5m]))"},
        ),
        Panel(
            "Deliveries not made",
            "short",
            {
                "waiting": "max(brokergraph_webhook_deliveries_waiting)",
                "parked": "max(brokergraph_webhook_deliveries_parked)",
            },
        ),
    ),
}
