"""The composition root: builds, opens and closes all services of the server."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import NamedTuple

from api.background import running
from api.documents.cache import TrustedDocuments
from api.documents.dashboard import dashboard_documents
from api.documents.finder import DocumentFinder
from api.identity.api_keys import Authenticator
from api.identity.authenticator import CallerOfToken, Identities, without_issuers
from api.identity.last_use import storing_last_use
from api.rebuilding import rebuilding
from api.reconciling import reconciling
from api.settings.databases import DatabaseSection, ErpSection, StateSection
from api.settings.settings import AuthSection, Settings
from api.streaming import streaming
from api.webhooks import sending_webhooks
from core.call import STATE_DATABASE
from core.clock import Clock
from core.errors import ERP_DATABASE, ConfigError
from core.secret import Secret
from instructions.below_zero import BelowZero
from instructions.dispatcher import Dispatcher
from instructions.log_feed import LogFeed
from instructions.nightly_books import NightlyBooks
from resolvers.context import Services, StreamLimits
from resolvers.federation import federated
from resolvers.request.executor import Executor
from resolvers.request.runners import runner
from resolvers.schema import core_of, schema
from upstreams.polls import Polls
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.services import (
    ReplicaConfig,
    StateStores,
    UpstreamOptions,
    UpstreamServices,
    check_options,
    open_upstream_services,
    stores_of_command,
)
from upstreams.state.doorbell.opening import DoorbellConfig

# This time is longer than a vendor's usual answer, and shorter than the time after which an orchestrator kills the
# process.
DRAIN_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class AppServices:
    """The services that the HTTP layer uses."""

    settings: Settings
    clock: Clock
    upstreams: UpstreamServices
    authenticator: Identities
    documents: DocumentFinder
    executor: Executor
    below_zero: BelowZero
    books: NightlyBooks
    webhook_outcomes: Mapping[str, int]
    polls: Polls


def erp_database(settings: Settings) -> Database:
    return Database(_config(settings.erp, settings), label=ERP_DATABASE)


def state_address(settings: Settings) -> tuple[str, Secret]:
    """The setting that names the state database, and its address."""
    if settings.state.database_url is not None:
        return "state.database_url", settings.state.database_url
    return "erp.database_url", settings.erp.database_url


def state_database(settings: Settings) -> Database:
    """The state database, which is the ERP's database unless [state] names another."""
    return Database(_config(settings.state, settings), label=STATE_DATABASE)


def open_state(settings: Settings) -> AbstractAsyncContextManager[StateStores]:
    """The stores of the state database, for one command. Raises ConfigError if the address is wrong."""
    return stores_of_command(state_database(settings), state_address(settings)[0])


def _config(section: ErpSection | StateSection, settings: Settings) -> DatabaseConfig:
    names = DatabaseConfig.__struct_fields__
    options = {name: getattr(section, name) for name in DatabaseSection.__struct_fields__ if name in names}
    return DatabaseConfig(url=section.database_url or settings.erp.database_url, **options)


def _erp_replica(settings: Settings) -> ReplicaConfig | None:
    erp = settings.erp
    return ReplicaConfig(erp.replica_url, erp.replica_lag_seconds) if erp.replica_url else None


def _state_replica(settings: Settings) -> ReplicaConfig | None:
    """The replica of the state database, which is the ERP's if the database is the ERP's."""
    state = settings.state
    if state.replica_url is None and state.database_url is None:
        return _erp_replica(settings)
    return ReplicaConfig(state.replica_url, state.replica_lag_seconds) if state.replica_url else None


class _Workers(NamedTuple):
    """The parts that work beside the requests."""

    dispatcher: Dispatcher
    below_zero: BelowZero
    feed: LogFeed
    polls: Polls


@asynccontextmanager
async def open_app_services(settings: Settings, clock: Clock) -> AsyncIterator[AppServices]:
    """Open the services without network connections, so that the graph starts while upstreams are unavailable."""
    async with AsyncExitStack() as stack:
        databases = erp_database(settings), state_database(settings)
        upstreams = await stack.enter_async_context(open_upstream_services(*databases, _options(settings), clock))
        dispatcher = Dispatcher(upstreams.state.ledger, clock)
        stack.push_async_callback(dispatcher.drain, DRAIN_SECONDS)
        below_zero = BelowZero(clock)
        stack.push_async_callback(below_zero.aclose)
        await stack.enter_async_context(reconciling(settings, upstreams, below_zero, clock))
        feed = await stack.enter_async_context(streaming(settings.streams, upstreams, clock))
        webhook_outcomes = await stack.enter_async_context(sending_webhooks(settings, upstreams, clock))
        await stack.enter_async_context(rebuilding(settings.lists.snapshot_seconds, upstreams, clock))
        platforms = upstreams.platforms
        await stack.enter_async_context(running(*(replica.watch() for replica in upstreams.replicas)))
        polls = Polls(upstreams.erp, platforms, upstreams.state.figures, settings.server.request_deadline_seconds)
        stack.push_async_callback(polls.aclose)
        books = NightlyBooks(upstreams.state.books, upstreams.erp, platforms, clock, settings.books)
        if settings.books.enabled:
            await stack.enter_async_context(running(books.run()))
        of_token = await _callers_of_tokens(settings.auth, stack, clock)
        auth, keys = settings.auth, upstreams.state.keys
        used = await stack.enter_async_context(storing_last_use(keys, clock, auth.last_used_every_seconds))
        trusted = TrustedDocuments(upstreams.state.documents, clock, settings.documents.cache_seconds)
        seconds = auth.key_cache_seconds, auth.key_cache_seconds_without_database
        yield AppServices(
            settings=settings,
            clock=clock,
            upstreams=upstreams,
            authenticator=Identities(Authenticator(keys, clock, *seconds, used.note), of_token),
            documents=DocumentFinder(settings.documents, trusted, _built_in_documents(settings)),
            executor=_executor(settings, upstreams, _Workers(dispatcher, below_zero, feed, polls), clock),
            below_zero=below_zero,
            books=books,
            webhook_outcomes=webhook_outcomes,
            polls=polls,
        )


def _built_in_documents(settings: Settings) -> dict[str, str]:
    return {one.id: one.text for one in dashboard_documents().values()} if settings.server.dashboard else {}


async def _callers_of_tokens(auth: AuthSection, stack: AsyncExitStack, clock: Clock) -> CallerOfToken:
    if not auth.oidc:
        return without_issuers
    # The libraries for tokens cost a twentieth of the time to start.
    from api.identity.issuers import open_issuers

    return (await stack.enter_async_context(open_issuers(auth.oidc, clock))).caller


async def check_openable(settings: Settings) -> None:
    """Raise ConfigError for a setting with which the server could not start. Connects to no system."""
    if settings.tracing.enabled and find_spec("opentelemetry") is None:
        raise ConfigError("tracing.enabled", "needs the package opentelemetry: install brokergraph[otel]")
    await check_options(_options(settings), state_database(settings))


def _options(settings: Settings) -> UpstreamOptions:
    return UpstreamOptions(
        vendors=settings.upstreams,
        budget=settings.budget,
        concurrent_lookups=settings.erp.concurrent_lookups,
        lookup_keys_max=settings.erp.lookup_keys_max,
        concurrent_pages=settings.erp.concurrent_pages,
        process_seconds=settings.reconciliation.process_seconds,
        exact_max=settings.lists.exact_max,
        erp_replica=_erp_replica(settings),
        state_replica=_state_replica(settings),
        doorbell=DoorbellConfig(
            by=settings.streams.doorbell,
            listen_url=settings.state.listen_url or state_address(settings)[1],
            redis_url=settings.streams.redis_url,
        ),
    )


def _executor(settings: Settings, upstreams: UpstreamServices, workers: _Workers, clock: Clock) -> Executor:
    services = Services(
        upstreams=upstreams,
        dispatcher=workers.dispatcher,
        limits=settings.limits.graph(),
        deposit_limits=settings.deposits,
        withdrawal_limits=settings.withdrawals,
        below_zero=workers.below_zero,
        accounting_currency=settings.erp.accounting_currency,
        clock=clock,
        feed=workers.feed,
        polls=workers.polls,
        stream_limits=StreamLimits(
            settings.streams.ids_max, settings.streams.bookmark_seconds, settings.streams.balances_seconds
        ),
    )
    graph, server = federated() if settings.federation.enabled else schema, settings.server
    core = core_of(graph)
    joins = settings.erp.concurrent_lookups > 0
    chosen = runner(server.executor, core, graph, server.hot_after, joins=joins)
    return Executor(services, settings.limits.document(), core, chosen, introspection=server.introspection)
