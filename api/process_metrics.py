"""The metrics of this process that are read at each scrape."""

import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version

from api.admission.limiter import ConcurrencyLimiter
from api.observability.figures import Figures, Values, by_one
from api.services import AppServices
from api.streams.operations import Operations
from upstreams.http.health import LinkState
from upstreams.postgres.replica import Replica
from upstreams.services import UpstreamServices


def watch_process(figures: Figures, services: AppServices, limiter: ConcurrencyLimiter, operations: Operations) -> None:
    """Register all figures."""
    build = version("brokergraph"), platform.python_version()
    figures.gauges(
        "brokergraph_build_info", "The version, with the value 1.", ["version", "python"], lambda: {build: 1}
    )
    _watch_admission(figures, limiter)
    _watch_money(figures, services)
    _watch_streams(figures, services, operations)
    _watch_upstreams(figures, services.upstreams)
    _watch_replicas(figures, services.upstreams.replicas)
    executor, cached = services.executor, "Documents with their plans in the cache."
    figures.gauge("brokergraph_documents_cached", cached, lambda: executor.cached_documents)


def _watch_admission(figures: Figures, limiter: ConcurrencyLimiter) -> None:
    gauge, counter = figures.gauge, figures.counter
    gauge("brokergraph_requests_in_flight", "Requests that are being answered.", lambda: limiter.in_flight)
    gauge("brokergraph_requests_running", "Requests that hold a slot.", lambda: limiter.running)
    gauge("brokergraph_requests_waiting", "Requests that wait for a slot.", lambda: limiter.waiting)
    gauge("brokergraph_concurrency_limit", "The number of requests that may hold a slot.", lambda: limiter.limit)
    counter("brokergraph_request_waits", "Requests that have waited for a slot.", lambda: limiter.waits)
    counter("brokergraph_request_wait_seconds", "The sum of these waits.", lambda: limiter.waited_seconds)
    counter("brokergraph_requests_shed", "Requests that were refused before their body was read.", lambda: limiter.shed)


def _watch_money(figures: Figures, services: AppServices) -> None:
    budgets, access = services.upstreams.budgets, services.upstreams.state.ledger.access
    figures.gauge(
        "brokergraph_budget_fallbacks",
        "Operations since the start that were charged in this process, because the budgets' store did not answer.",
        lambda: budgets.fallbacks if budgets else 0,
    )
    figures.gauge(
        "brokergraph_instructions_writable",
        "1 while instructions can be written, 0 while mutations are refused.",
        lambda: access.available,
    )
    figures.gauge(
        "brokergraph_withdrawals_below_zero",
        "Withdrawals of this process after which the account's balance was below zero.",
        lambda: services.below_zero.count,
    )
    figures.gauge(
        "brokergraph_books_differences",
        "Accounts with a difference in the last check of the books by this process.",
        lambda: services.books.differences,
    )


def _watch_streams(figures: Figures, services: AppServices, operations: Operations) -> None:
    counters = figures.counters
    figures.gauge("brokergraph_streams", "Open streams.", lambda: operations.slots.taken)
    counters("brokergraph_streams_ended", "Streams that ended.", ["reason"], lambda: by_one(operations.ended))
    counters("brokergraph_streams_refused", "Streams that did not begin.", ["code"], lambda: by_one(operations.refused))
    counters(
        "brokergraph_webhook_deliveries",
        "Attempts to deliver an event.",
        ["outcome"],
        lambda: by_one(services.webhook_outcomes),
    )
    watched = "Accounts and clients that a shared poll reads for streams."
    figures.gauges("brokergraph_polled_keys", watched, ["poll"], lambda: by_one(services.polls.watched()))


def _watch_upstreams(figures: Figures, upstreams: UpstreamServices) -> None:
    def states() -> Values:
        return {
            (link.system, link.name, str(state)): link.state is state
            for link in upstreams.health()
            for state in LinkState
        }

    def outcomes() -> Values:
        return {
            (link.system, link.name, outcome): count
            for link in upstreams.health()
            for outcome, count in link.outcomes.items()
        }

    def connections() -> Values:
        databases = upstreams.erp_database, upstreams.state.database, *(one.database for one in upstreams.replicas)
        return {
            (database.label, state): count for database in databases for state, count in database.connections().items()
        }

    connection = ["upstream", "connection"]
    figures.gauges("brokergraph_upstream_state", "1 for the present state.", [*connection, "state"], states)
    figures.counters(
        "brokergraph_upstream_outcomes", "Ends of calls to vendors by outcome.", [*connection, "outcome"], outcomes
    )
    figures.gauges("brokergraph_database_connections", "Connections of the pools.", ["database", "state"], connections)


def _watch_replicas(figures: Figures, replicas: Sequence[Replica]) -> None:
    def reads() -> Values:
        return {(one.label, target): count for one in replicas for target, count in one.reads.items()}

    def fallbacks() -> Values:
        return {(one.label, reason): count for one in replicas for reason, count in one.fallbacks.items()}

    def of_each(value: Callable[[Replica], float]) -> Callable[[], Values]:
        return lambda: {(one.label,): value(one) for one in replicas}

    targets, reasons = ["database", "target"], ["database", "reason"]
    figures.counters("brokergraph_replica_reads", "Reads by the server that answered.", targets, reads)
    figures.counters("brokergraph_replica_fallbacks", "Reads that the primary answered.", reasons, fallbacks)
    age = "How long ago the replica had everything that was committed."
    figures.gauges("brokergraph_replica_lag_seconds", age, ["database"], of_each(Replica.lag_seconds))
    used = "1 while queries are read from the replica."
    figures.gauges("brokergraph_replica_used", used, ["database"], of_each(lambda one: one.is_usable))
