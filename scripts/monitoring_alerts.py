"""The alerts, from which scripts/monitoring.py makes docker/monitoring/alerts.yaml with its cases."""

from collections.abc import Mapping
from typing import NamedTuple

Series = Mapping[str, str]
"""Values in promtool's notation by time series, one value a minute."""


class Alert(NamedTuple):
    """A rule. `section` is the heading in docs/running.md that says what to do."""

    name: str
    query: str
    lasting: str
    severity: str
    """`page` wakes a person, `ticket` waits for office hours."""
    title: str
    section: str
    firing: Series
    quiet: Series
    labels: Mapping[str, str] = {}
    """The labels that the query leaves in the case `firing`."""


_OUTCOMES = "brokergraph_upstream_outcomes_total"
_STATE = 'brokergraph_upstream_state{upstream="HYPER",connection="erp",state="DOWN"}'
_SECONDS = "brokergraph_request_seconds_bucket"
_LAG = "brokergraph_event_loop_lag_seconds_bucket"
_DEFECTS = 'brokergraph_errors_total{code="INTERNAL_ERROR"}'
_FAILED = 'brokergraph_streams_ended_total{reason="failed"}'


def _grows(counter: str) -> str:
    """Whether a rare counter grows. `increase` alone does not see its first value, before which it has no series."""
    return f"sum(increase({counter}[10m])) > 0 or sum({counter} unless {counter} offset 10m) > 0"


ALERTS: tuple[Alert, ...] = (
    Alert(
        "BrokergraphServerDown",
        'up{job="brokergraph"} == 0',
        "2m",
        "page",
        "Prometheus cannot scrape a server.",
        "Server down",
        {'up{job="brokergraph",instance="a"}': "0x30"},
        {'up{job="brokergraph",instance="a"}': "1x30"},
        {"job": "brokergraph", "instance": "a"},
    ),
    Alert(
        "BrokergraphServerErrors",
        'sum(rate(brokergraph_requests_total{status=~"5.."}[5m])) / sum(rate(brokergraph_requests_total[5m])) > 0.01',
        "5m",
        "page",
        "More than 1 % of the requests fail with a status of 5xx.",
        "Server errors",
        {'brokergraph_requests_total{status="200"}': "0+60x30", 'brokergraph_requests_total{status="503"}': "0+6x30"},
        {'brokergraph_requests_total{status="200"}': "0+600x30", 'brokergraph_requests_total{status="503"}': "0+1x30"},
    ),
    Alert(
        "BrokergraphInternalErrors",
        _grows(_DEFECTS),
        "0m",
        "ticket",
        "A request failed by a defect of brokergraph.",
        "Internal errors",
        {_DEFECTS: "_x25 1x5"},
        {_DEFECTS: "3x30", 'brokergraph_errors_total{code="NOT_FOUND"}': "0+9x30"},
    ),
    Alert(
        "BrokergraphSlow",
        f"histogram_quantile(0.99, sum by (le) (rate({_SECONDS}[5m]))) > 2",
        "10m",
        "ticket",
        "One request in 100 takes longer than 2 seconds.",
        "Slow requests",
        {f'{_SECONDS}{{le="2.0"}}': "0+9x30",
         f'{_SECONDS}{{le="5.0"}}': "0+10x30", f'{_SECONDS}{{le="+Inf"}}': "0+10x30"},
        {f'{_SECONDS}{{le="1.0"}}': "0+10x30", f'{_SECONDS}{{le="+Inf"}}': "0+10x30"},
    ),
    Alert(
        "BrokergraphShedding",
        "sum by (instance) (rate(brokergraph_requests_shed_total[5m])) > 1",
        "5m",
        "page",
        "A server refuses more than one request a second, because it is overloaded.",
        "Requests shed",
        {'brokergraph_requests_shed_total{instance="a"}': "0+120x30"},
        {'brokergraph_requests_shed_total{instance="a"}': "0+30x30"},
        {"instance": "a"},
    ),
    Alert(
        "BrokergraphEventLoopLate",
        f"histogram_quantile(0.99, sum by (le, instance) (rate({_LAG}[5m]))) > 0.25",
        "10m",
        "ticket",
        "The event loop of a server is blocked.",
        "Event loop late",
        {f'{_LAG}{{instance="a",le="0.25"}}': "0+9x30", f'{_LAG}{{instance="a",le="1.0"}}': "0+10x30",
         f'{_LAG}{{instance="a",le="+Inf"}}': "0+10x30"},
        {f'{_LAG}{{instance="a",le="0.1"}}': "0+10x30", f'{_LAG}{{instance="a",le="+Inf"}}': "0+10x30"},
        {"instance": "a"},
    ),
    Alert(
        "BrokergraphUpstreamDown",
        'sum by (upstream, connection) (brokergraph_upstream_state{state="DOWN"}) > 0',
        "2m",
        "page",
        "All circuit breakers of an upstream's connection are open.",
        "Upstream down",
        {_STATE: "1x30"},
        {_STATE: "0x30", 'brokergraph_upstream_state{upstream="HYPER",connection="erp",state="DEGRADED"}': "1x30"},
        {"upstream": "HYPER", "connection": "erp"},
    ),
    Alert(
        "BrokergraphUpstreamFailing",
        f'sum by (upstream) (rate({_OUTCOMES}{{outcome!="answered"}}[10m]))'
        f" / sum by (upstream) (rate({_OUTCOMES}[10m])) > 0.05",
        "10m",
        "ticket",
        "More than 5 % of the calls to an upstream fail.",
        "Upstream failing",
        {f'{_OUTCOMES}{{upstream="HYPER",outcome="answered"}}': "0+9x30",
         f'{_OUTCOMES}{{upstream="HYPER",outcome="TIMEOUT"}}': "0+1x30"},
        {f'{_OUTCOMES}{{upstream="HYPER",outcome="answered"}}': "0+99x30",
         f'{_OUTCOMES}{{upstream="HYPER",outcome="TIMEOUT"}}': "0+1x30"},
        {"upstream": "HYPER"},
    ),
    Alert(
        "BrokergraphInstructionsNotWritable",
        "min by (instance) (brokergraph_instructions_writable) == 0",
        "1m",
        "page",
        "A server refuses mutations, because it cannot write instructions.",
        "Instructions not writable",
        {'brokergraph_instructions_writable{instance="a"}': "0x30"},
        {'brokergraph_instructions_writable{instance="a"}': "1x30"},
        {"instance": "a"},
    ),
    Alert(
        "BrokergraphLedgerUnread",
        "absent(brokergraph_reconciler_lag_seconds) and on () count(brokergraph_build_info)",
        "5m",
        "page",
        "No server reads the ledger: the state database does not answer.",
        "Ledger unread",
        {"brokergraph_build_info": "1x30"},
        {"brokergraph_build_info": "1x30", "brokergraph_reconciler_lag_seconds": "0x30"},
    ),
    Alert(
        "BrokergraphInstructionsInDoubt",
        'max by (status) (brokergraph_instructions_oldest_seconds{status=~"RECEIVED|SENT|UNKNOWN"}) > 900',
        "0m",
        "page",
        "The outcome of a command has been unknown for more than 15 minutes.",
        "Instructions in doubt",
        {'brokergraph_instructions_oldest_seconds{status="UNKNOWN"}': "0+60x30"},
        {'brokergraph_instructions_oldest_seconds{status="UNKNOWN"}': "100x30",
         'brokergraph_instructions_oldest_seconds{status="NEEDS_APPROVAL"}': "9000x30"},
        {"status": "UNKNOWN"},
    ),
    Alert(
        "BrokergraphInstructionsNeedReview",
        'max(brokergraph_instructions_undecided{status="NEEDS_REVIEW"}) > 0',
        "0m",
        "ticket",
        "The outcome of a command can be decided only by people.",
        "Instructions need review",
        {'brokergraph_instructions_undecided{status="NEEDS_REVIEW"}': "1x30"},
        {'brokergraph_instructions_undecided{status="UNKNOWN"}': "1x30"},
    ),
    Alert(
        "BrokergraphReconcilerLate",
        "max(brokergraph_reconciler_lag_seconds) > 60",
        "5m",
        "page",
        "A due instruction waits for the reconciler for more than a minute.",
        "Reconciler late",
        {"brokergraph_reconciler_lag_seconds": "61+60x30"},
        {"brokergraph_reconciler_lag_seconds": "5x30"},
    ),
    Alert(
        "BrokergraphSequencerLate",
        "max(brokergraph_sequencer_lag_seconds) > 30",
        "2m",
        "page",
        "Streams and webhooks are late by more than 30 seconds.",
        "Sequencer late",
        {"brokergraph_sequencer_lag_seconds": "31+60x30"},
        {"brokergraph_sequencer_lag_seconds": "1x30"},
    ),
    Alert(
        "BrokergraphWithdrawalBelowZero",
        "max by (instance) (delta(brokergraph_withdrawals_below_zero[1h])) > 0",
        "0m",
        "page",
        "The balance of an account is below zero after a withdrawal.",
        "Withdrawal below zero",
        {'brokergraph_withdrawals_below_zero{instance="a"}': "0x10 1x20"},
        {'brokergraph_withdrawals_below_zero{instance="a"}': "1x30"},
        {"instance": "a"},
    ),
    Alert(
        "BrokergraphBooksDiffer",
        "max(brokergraph_books_differences) > 0",
        "0m",
        "page",
        "The balance of an account differs from its history.",
        "Books differ",
        {"brokergraph_books_differences": "2x30"},
        {"brokergraph_books_differences": "0x30"},
    ),
    Alert(
        "BrokergraphBudgetsNotShared",
        "sum(delta(brokergraph_budget_fallbacks[10m])) > 0",
        "0m",
        "ticket",
        "The store of budgets does not answer, and each process has budgets of its own.",
        "Budgets not shared",
        {"brokergraph_budget_fallbacks": "0+5x30"},
        {"brokergraph_budget_fallbacks": "7x30"},
    ),
    Alert(
        "BrokergraphStreamsFailing",
        _grows(_FAILED),
        "0m",
        "ticket",
        "A stream failed by a defect of brokergraph.",
        "Streams failing",
        {_FAILED: "_x25 1x5"},
        {_FAILED: "1x30",
         'brokergraph_streams_ended_total{reason="unsubscribed"}': "0+9x30"},
    ),
    Alert(
        "BrokergraphWebhooksLate",
        "max(brokergraph_webhook_deliveries_waiting) > 1000",
        "15m",
        "ticket",
        "More than 1000 events wait for receivers.",
        "Webhooks late",
        {"brokergraph_webhook_deliveries_waiting": "1001+10x30"},
        {"brokergraph_webhook_deliveries_waiting": "900x30"},
    ),
    Alert(
        "BrokergraphWebhooksParked",
        "max(brokergraph_webhook_deliveries_parked) > 0",
        "0m",
        "ticket",
        "An event could not be delivered, and is not sent again.",
        "Webhooks parked",
        {"brokergraph_webhook_deliveries_parked": "1x30"},
        {"brokergraph_webhook_deliveries_parked": "0x30"},
    ),
    Alert(
        "BrokergraphReplicaLeft",
        "min by (database) (brokergraph_replica_used) == 0",
        "5m",
        "ticket",
        "A read replica is not used.",
        "Read replica left",
        {'brokergraph_replica_used{database="ERP_DATABASE"}': "0x30"},
        {'brokergraph_replica_used{database="ERP_DATABASE"}': "1x30"},
        {"database": "ERP_DATABASE"},
    ),
    Alert(
        "BrokergraphVersionsDiffer",
        "count(count by (version) (brokergraph_build_info)) > 1",
        "1h",
        "ticket",
        "Servers of two versions run for more than an hour.",
        "Versions differ",
        {'brokergraph_build_info{version="1"}': "1x90", 'brokergraph_build_info{version="2"}': "1x90"},
        {'brokergraph_build_info{version="1"}': "1x90"},
    ),
)  # fmt: skip
