"""All settings: one frozen object from a TOML file and the environment. It is built once and passed as a parameter."""

import os
import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from api.settings.bounds import (
    Age,
    AnyNumber,
    NoSeconds,
    Port,
    Seconds,
    Some,
    check_database_address,
    check_redis_address,
    check_replica_address,
)
from api.settings.databases import ErpSection, StateSection
from api.settings.environment import lay_over
from api.settings.graph import FederationSection, ListsSection
from api.settings.http import DocumentsSection, HttpSection
from api.settings.mistakes import mistake
from api.settings.money import DepositsSection, WithdrawalsSection
from api.settings.observation import AuditSection, TracingSection
from api.settings.oidc import OidcConfig, check_issuers
from api.settings.overload import OverloadSection
from api.settings.renamed import refuse_renamed
from api.settings.streams import StreamsSection
from api.settings.vendors import upstreams_config, vendor_fields
from api.settings.webhooks import WebhooksSection, check_webhooks_key
from core.errors import ConfigError
from core.secret import Secret
from instructions.nightly_books import BooksConfig
from instructions.reconciler import ReconciliationConfig
from resolvers.context import GraphLimits
from resolvers.request.document_limits import DocumentLimits
from resolvers.request.runners import Chosen
from upstreams.open import UpstreamsConfig
from upstreams.state.budgets.budgets import BudgetConfig
from upstreams.vendors.kit.server_config import ServerConfig

# Callers have a valid key or token; operators have a key or token with the page's scope (api/pages/access.py).
Audience = Literal["everyone", "callers", "operators", "nobody"]


class ServerSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[server]"""

    host: str = "127.0.0.1"
    port: Port = 8000
    workers: Some = 1
    reload_on_change: bool = False
    executor: Chosen = "engine"
    hot_after: AnyNumber = 2
    request_deadline_seconds: Seconds = 10.0
    drain_seconds: NoSeconds = 5.0
    max_body_bytes: Some = 1024 * 1024
    introspection: bool = False
    schema_file: Audience = "operators"
    metrics: Audience = "operators"
    readiness_details: Audience = "operators"
    docs: Audience = "nobody"
    graphiql: bool = False
    graphiql_key: Secret | None = None
    dashboard: bool = False
    dashboard_key: Secret | None = None
    log_format: Literal["json", "console"] = "json"
    slow_seconds: NoSeconds = 0.0


class LimitsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[limits]: the limits of one operation."""

    cost_max: Some = 200_000
    page_default: Some = 50
    page_max: Some = 200
    live_clients_max: AnyNumber = 20
    single_live_accounts_max: AnyNumber = 100
    depth_max: Some = 12
    fields_max: Some = 1000
    aliases_max: AnyNumber = 30
    directives_max: AnyNumber = 50
    tokens_max: Some = 2000
    root_fields_max: Some = 20

    def __post_init__(self) -> None:
        if self.page_default > self.page_max:
            raise ValueError(
                f"page_default ({self.page_default}) must not be more than page_max ({self.page_max}), "
                "else a page without a given length would be longer"
            )

    def graph(self) -> GraphLimits:
        return GraphLimits(**{name: getattr(self, name) for name in GraphLimits.__dataclass_fields__})

    def document(self) -> DocumentLimits:
        return DocumentLimits(**{name: getattr(self, f"{name}_max") for name in DocumentLimits.__dataclass_fields__})


class AuthSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[auth]: how long an API key is cached, how long while the state database is unavailable, and the issuers of
    tokens.
    """

    key_cache_seconds: Age = 10.0
    key_cache_seconds_without_database: Age = 300.0
    last_used_every_seconds: Seconds = 30.0
    oidc: dict[str, OidcConfig] = {}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file, except the vendors' sections, which `load_settings` adds. `brokergraph.example.toml` explains
    each setting.
    """

    server: ServerSection = ServerSection()
    http: HttpSection = HttpSection()
    documents: DocumentsSection = DocumentsSection()
    erp: ErpSection
    state: StateSection = StateSection()
    limits: LimitsSection = LimitsSection()
    lists: ListsSection = ListsSection()
    federation: FederationSection = FederationSection()
    budget: BudgetConfig = BudgetConfig()
    overload: OverloadSection = OverloadSection()
    auth: AuthSection = AuthSection()
    deposits: DepositsSection = DepositsSection()
    withdrawals: WithdrawalsSection = WithdrawalsSection()
    reconciliation: ReconciliationConfig = ReconciliationConfig()
    streams: StreamsSection = StreamsSection()
    webhooks: WebhooksSection = WebhooksSection()
    tracing: TracingSection = TracingSection()
    audit: AuditSection = AuditSection()
    books: BooksConfig = BooksConfig()
    servers: dict[str, ServerConfig] = {}

    def __post_init__(self) -> None:
        if self.budget.store != "off" and self.limits.cost_max > self.budget.query_limit:
            raise ValueError(
                "limits.cost_max must not be more than budget.cost_per_minute less budget.mutations_reserved, "
                "else the most expensive operations could never run"
            )

    @property
    def upstreams(self) -> UpstreamsConfig:
        """The vendors' sections and [servers]."""
        return upstreams_config(self, self.servers)


SettingsFile: Any = msgspec.defstruct(
    "Settings", vendor_fields(), bases=(Settings,), frozen=True, forbid_unknown_fields=True, kw_only=True
)


def load_settings(
    path: Path | None, environment: Mapping[str, str] = os.environ, read: set[Path] | None = None
) -> Settings:
    """Read the file and the environment. Raises ConfigError with the path of the wrong or missing setting. `read` gets
    the paths of all files on which the settings depend.
    """
    files = set() if read is None else read
    tables: dict[str, Any] = {}
    folder = Path.cwd()
    if path is not None:
        files.add(path.absolute())
        tables, folder = _read(path), path.absolute().parent
    lay_over(tables, SettingsFile, environment)
    refuse_renamed(tables)

    def convert(tables: Mapping[str, Any]) -> Settings:
        hook = partial(_decoded, folder, environment, files)
        settings: Settings = msgspec.convert(tables, SettingsFile, strict=False, dec_hook=hook)
        return settings

    def attempt(tables: Mapping[str, Any]) -> str | None:
        try:
            convert(tables)
        except msgspec.ValidationError as error:
            return str(error)
        return None

    try:
        settings = convert(tables)
    except msgspec.ValidationError as error:
        raise mistake(str(error), tables, SettingsFile, attempt) from None
    _check_addresses(settings)
    check_issuers(settings.auth.oidc)
    return settings


def _check_addresses(settings: Settings) -> None:
    check_database_address("erp.database_url", settings.erp.database_url)
    check_database_address("state.database_url", settings.state.database_url)
    check_database_address("state.listen_url", settings.state.listen_url)
    check_replica_address("erp.replica_url", settings.erp.replica_url)
    check_replica_address("state.replica_url", settings.state.replica_url)
    check_redis_address("budget.redis_url", settings.budget.redis_url)
    check_redis_address("streams.redis_url", settings.streams.redis_url)
    check_webhooks_key(settings.webhooks.key)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"is not TOML: {error}") from None


def _decoded(folder: Path, environment: Mapping[str, str], files: set[Path], kind: type, value: Any) -> Any:
    if kind is Secret:
        return _secret(value, folder, environment, files)
    if kind is Path and isinstance(value, str):
        files.add(folder / value)
        return folder / value
    raise NotImplementedError


def _secret(value: Any, folder: Path, environment: Mapping[str, str], files: set[Path]) -> Secret:
    """A text, `{ file = "..." }` (relative to the settings file) or `{ env = "..." }`."""
    if isinstance(value, str):
        return Secret(value)
    match value:
        case {"file": str(name), **rest} if not rest:
            files.add(folder / name)
            try:
                return Secret((folder / name).read_text(encoding="utf-8").strip())
            except OSError as error:
                raise ValueError(f"The file {_named(name)} cannot be read: {error.strerror}") from None
            except UnicodeDecodeError:
                raise ValueError(f"The file {_named(name)} is not in UTF-8") from None
        case {"env": str(name), **rest} if not rest:
            if name not in environment:
                raise ValueError(f"The variable {_named(name)} is not set")
            return Secret(environment[name])
    raise ValueError('Expected a text, { file = "..." } or { env = "..." }')


def _named(name: str) -> str:
    """The name of the variable or file. An address is not shown, because it is the secret itself, written at the place
    of the name.
    """
    return name if "://" not in name else "named by an address"
