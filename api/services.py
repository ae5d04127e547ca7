"""Everything that is open while the server runs, opened and closed in one visible place."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from api.documents.finder import DocumentFinder
from api.identity.api_keys import Authenticator
from api.identity.authenticator import Identities, open_issuers
from api.identity.last_use import LastUse, storing_last_use
from api.reconciling import reconciling
from api.settings.settings import ErpSection, Settings, StateSection
from core.call import STATE_DATABASE
from core.clock import Clock
from core.errors import ERP_DATABASE
from instructions.dispatcher import Dispatcher
from resolvers.context import Services
from resolvers.request.executor import Executor
from upstreams.erp.reader import Erp
from upstreams.erp.rendering.reader import ClientTexts
from upstreams.flow.coalescing import Sharing
from upstreams.http.health import LinkHealth
from upstreams.open import Upstreams, open_upstreams
from upstreams.postgres.database import Database, DatabaseConfig
from upstreams.state.api_keys import KeyStore
from upstreams.state.budgets.budgets import Budgets
from upstreams.state.budgets.opening import open_budgets
from upstreams.state.documents import DocumentStore
from upstreams.state.instructions import Ledger
from upstreams.state.vendor_tokens import DatabaseTokenStore
from upstreams.vendors.kit.live_cache import LiveCache

# Longer than a vendor's usual answer, shorter than what an orchestrator waits before it kills.
DRAIN_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class AppServices:
    """What the HTTP layer needs of the rest."""

    settings: Settings
    clock: Clock
    erp: Database
    state: Database
    authenticator: Identities
    documents: DocumentFinder
    executor: Executor
    services: Services
    budgets: Budgets | None


def erp_database(settings: Settings) -> Database:
    return Database(_config(settings.erp, settings), label=ERP_DATABASE)


def state_database(settings: Settings) -> Database:
    """Our own schema's database, which is the ERP's unless [state] names another."""
    return Database(_config(settings.state, settings), label=STATE_DATABASE)


def _config(section: ErpSection | StateSection, settings: Settings) -> DatabaseConfig:
    return DatabaseConfig(
        url=section.database_url or settings.erp.database_url,
        pool_size=section.pool_size,
        statement_timeout_seconds=section.statement_timeout_seconds,
        connect_timeout_seconds=section.connect_timeout_seconds,
        prepared_statements=section.prepared_statements,
    )


@asynccontextmanager
async def open_app_services(settings: Settings, clock: Clock) -> AsyncIterator[AppServices]:
    """Opens nothing on the network by itself, so that the graph starts while others are still away."""
    async with AsyncExitStack() as stack:
        erp, state = erp_database(settings), state_database(settings)
        stack.push_async_callback(erp.close)
        stack.push_async_callback(state.close)
        tokens = partial(DatabaseTokenStore, state, clock)
        upstreams = await stack.enter_async_context(open_upstreams(settings.upstreams, clock, tokens))
        ledger = Ledger(state, clock, settings.reconciliation.process_seconds)
        dispatcher = Dispatcher(ledger, clock)
        stack.push_async_callback(dispatcher.drain, DRAIN_SECONDS)
        sharing = Sharing(settings.erp.concurrent_lookups, settings.erp.lookup_keys_max)
        facts, texts = Erp(erp, sharing), ClientTexts(erp, sharing, settings.erp.concurrent_pages)
        stack.push_async_callback(facts.aclose)
        stack.push_async_callback(texts.aclose)
        services = _services(settings, clock, facts, texts, ledger, dispatcher, upstreams)
        await stack.enter_async_context(reconciling(settings, services, state))
        budgets = open_budgets(settings.budget, state, clock)
        if budgets is not None:
            stack.push_async_callback(budgets.aclose)
        issuers = await stack.enter_async_context(open_issuers(settings.auth.oidc, clock))
        keys = KeyStore(state, clock)
        used = await stack.enter_async_context(storing_last_use(keys, clock, settings.auth.last_used_every_seconds))
        identities = Identities(_authenticator(settings, keys, used, clock), issuers)
        yield _app_services(settings, clock, erp, state, services, budgets, identities)


def _services(  # noqa: PLR0913, PLR0917 - what the resolvers stand on.
    settings: Settings,
    clock: Clock,
    erp: Erp,
    texts: ClientTexts,
    ledger: Ledger,
    dispatcher: Dispatcher,
    upstreams: Upstreams,
) -> Services:
    def health() -> list[LinkHealth]:
        return upstreams.health()

    return Services(
        erp=erp,
        texts=texts,
        ledger=ledger,
        dispatcher=dispatcher,
        erp_api=upstreams.erp_api,
        crm=upstreams.crm,
        platforms=upstreams.servers,
        servers=settings.servers,
        live_cache=LiveCache(clock),
        health=health,
        limits=settings.limits.graph(),
        deposit_limits=settings.deposits.limits(),
        accounting_currency=settings.erp.accounting_currency,
        clock=clock,
    )


def _app_services(  # noqa: PLR0913, PLR0917 - what the HTTP layer stands on.
    settings: Settings,
    clock: Clock,
    erp: Database,
    state: Database,
    services: Services,
    budgets: Budgets | None,
    identities: Identities,
) -> AppServices:
    return AppServices(
        settings=settings,
        clock=clock,
        erp=erp,
        state=state,
        authenticator=identities,
        documents=DocumentFinder(settings.documents, DocumentStore(state, clock), clock),
        executor=Executor(
            services,
            settings.limits.document(),
            introspection=settings.server.introspection,
            budgets=budgets,
            executor=settings.server.executor,
            hot_after=settings.server.hot_after,
        ),
        services=services,
        budgets=budgets,
    )


def _authenticator(settings: Settings, keys: KeyStore, used: LastUse, clock: Clock) -> Authenticator:
    auth = settings.auth
    return Authenticator(keys, clock, auth.key_cache_seconds, auth.key_cache_seconds_without_database, used.note)
