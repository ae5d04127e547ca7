"""Opens and closes all upstreams: the ERP, the state database and the vendors."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import msgspec

from core.clock import Clock
from core.errors import ConfigError, UpstreamError
from core.secret import Secret
from upstreams.erp.lists import Lists
from upstreams.erp.reader import Erp
from upstreams.erp.rendering.reader import ClientTexts
from upstreams.flow.coalescing import Sharing
from upstreams.http.health import LinkHealth
from upstreams.open import UpstreamsConfig, open_upstreams
from upstreams.postgres.database import Database
from upstreams.postgres.diagnosis import diagnosis_of
from upstreams.postgres.replica import Replica
from upstreams.state.api_keys import KeyStore
from upstreams.state.books_check import BooksLease
from upstreams.state.budgets.budgets import BudgetConfig, Budgets
from upstreams.state.budgets.opening import open_budgets
from upstreams.state.client_totals import ClientTotals
from upstreams.state.documents import DocumentStore
from upstreams.state.doorbell.doorbell import Bell, Doorbell
from upstreams.state.doorbell.opening import DoorbellConfig, open_doorbell
from upstreams.state.instruction_list import InstructionList
from upstreams.state.instruction_log import InstructionLog
from upstreams.state.instructions import PROCESS_SECONDS, Ledger
from upstreams.state.ledger_figures import LedgerFigures
from upstreams.state.reconciliation_queue import ReconciliationQueue
from upstreams.state.schema_version import SchemaVersion
from upstreams.state.shared_figures import SharedFigures
from upstreams.state.vendor_tokens import DatabaseTokenStore
from upstreams.state.webhooks import WebhookStore
from upstreams.vendors.kit.live_cache import LiveCache
from upstreams.vendors.kit.protocol import Crm, ErpApi, Platform
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.token_store import memory_tokens


class ReplicaConfig(NamedTuple):
    """The address of a read replica, and how old its data may be."""

    url: Secret
    lag_seconds: float


class UpstreamOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of all upstreams. `process_seconds` is the lease of the process that sends an instruction."""

    vendors: UpstreamsConfig
    budget: BudgetConfig
    concurrent_lookups: int
    lookup_keys_max: int
    concurrent_pages: int
    process_seconds: float
    exact_max: int
    doorbell: DoorbellConfig
    erp_replica: ReplicaConfig | None = None
    state_replica: ReplicaConfig | None = None


@dataclass(frozen=True, slots=True)
class StateStores:
    """The stores in the schema `brokergraph`."""

    database: Database
    schema: SchemaVersion
    ledger: Ledger
    instructions: InstructionList
    totals: ClientTotals
    reconciliation: ReconciliationQueue
    log: InstructionLog
    figures: SharedFigures
    keys: KeyStore
    documents: DocumentStore
    books: BooksLease
    webhooks: WebhookStore
    ledger_figures: LedgerFigures


def open_stores(
    database: Database,
    clock: Clock,
    process_seconds: float = PROCESS_SECONDS,
    ring: Callable[[Bell], None] = lambda _: None,
) -> StateStores:
    return StateStores(
        database=database,
        schema=SchemaVersion(database),
        ledger=Ledger(database, clock, process_seconds, ring),
        instructions=InstructionList(database),
        totals=ClientTotals(database),
        reconciliation=ReconciliationQueue(database),
        log=InstructionLog(database),
        figures=SharedFigures(database),
        keys=KeyStore(database, clock),
        documents=DocumentStore(database, clock),
        books=BooksLease(database),
        webhooks=WebhookStore(database),
        ledger_figures=LedgerFigures(database),
    )


@dataclass(frozen=True, slots=True)
class UpstreamServices:
    """All upstreams of the process. The keys of `platforms` and `servers` are the ERP's names of the trading
    servers.
    """

    erp_database: Database
    erp: Erp
    lists: Lists
    texts: ClientTexts
    state: StateStores
    doorbell: Doorbell
    budgets: Budgets | None
    erp_api: ErpApi | None
    crm: Crm | None
    platforms: Mapping[str, Platform]
    servers: Mapping[str, ServerConfig]
    live_cache: LiveCache
    health: Callable[[], Sequence[LinkHealth]]
    replicas: Sequence[Replica] = ()


@asynccontextmanager
async def stores_of_command(database: Database, setting: str) -> AsyncIterator[StateStores]:
    """The stores for one command. `setting` names the address; a ConfigError for it says what is wrong."""
    try:
        yield open_stores(database, Clock())
    except UpstreamError as error:
        raise ConfigError(setting, diagnosis_of(error, database.config.url) or error.message) from error
    finally:
        await database.close()


async def check_options(options: UpstreamOptions, state_database: Database) -> None:
    """Raise ConfigError for an option that cannot be opened. Connects to no system."""
    clock = Clock()
    async with open_upstreams(options.vendors, clock, memory_tokens):
        open_budgets(options.budget, state_database, clock)
        open_doorbell(options.doorbell, state_database)


@asynccontextmanager
async def open_upstream_services(
    erp_database: Database, state_database: Database, options: UpstreamOptions, clock: Clock
) -> AsyncIterator[UpstreamServices]:
    """Open the upstreams without a network connection. The databases are closed together with the vendors."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(erp_database.close)
        stack.push_async_callback(state_database.close)
        tokens = partial(DatabaseTokenStore, state_database, clock)
        vendors = await stack.enter_async_context(open_upstreams(options.vendors, clock, tokens))
        sharing = Sharing(options.concurrent_lookups, options.lookup_keys_max)
        erp = Erp(erp_database, sharing)
        stack.push_async_callback(erp.aclose)
        texts = ClientTexts(erp_database, sharing, options.concurrent_pages)
        stack.push_async_callback(texts.aclose)
        budgets = open_budgets(options.budget, state_database, clock)
        if budgets is not None:
            stack.push_async_callback(budgets.aclose)
        doorbell = open_doorbell(options.doorbell, state_database)
        stack.push_async_callback(doorbell.aclose)
        replicas = []
        for database, config in ((erp_database, options.erp_replica), (state_database, options.state_replica)):
            if config is not None:
                database.replica = replica = Replica(database, state_database, *config, clock)
                stack.push_async_callback(replica.aclose)
                replicas.append(replica)
        yield UpstreamServices(
            erp_database=erp_database,
            erp=erp,
            lists=Lists(erp_database, options.exact_max),
            texts=texts,
            state=open_stores(state_database, clock, options.process_seconds, doorbell.ring),
            doorbell=doorbell,
            budgets=budgets,
            erp_api=vendors.erp_api,
            crm=vendors.crm,
            platforms=vendors.servers,
            servers=options.vendors.servers,
            live_cache=LiveCache(clock),
            health=vendors.health,
            replicas=replicas,
        )
